_base_ = './npmca-net_r50_paper_davis17.py'
# Thesis table 3.5, without the previous mask in the target encoder.
model = dict(previous_mask=False)
