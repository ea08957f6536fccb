_base_ = './npmca-net_r50_paper_davis17.py'
# Thesis table 3.6, one encoder for target and references.
# Both rows of the table are trained without stage 1.
needs_start = None
model = dict(shared_encoder=True)
