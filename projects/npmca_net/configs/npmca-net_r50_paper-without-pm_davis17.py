_base_ = './npmca-net_r50_paper_davis17.py'
# Thesis table 3.5, without the previous mask in the target encoder.
needs_start = 'projects/npmca_net/configs/npmca-net_r50_paper-stage1-without-pm_static-256.py'
model = dict(previous_mask=False)
