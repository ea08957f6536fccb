_base_ = './npmca-net_r50_paper-stage1_static-256.py'
# Stage 1 with one encoder. Table 3.6 compares networks without this stage; it is here for the other comparison.
model = dict(shared_encoder=True)
