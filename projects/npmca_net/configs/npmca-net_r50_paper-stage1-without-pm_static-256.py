_base_ = './npmca-net_r50_paper-stage1_static-256.py'
# Stage 1 of table 3.5, without the previous mask.
model = dict(previous_mask=False)
