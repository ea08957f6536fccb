_base_ = './npmca-net_r50_paper_davis17.py'
# Thesis table 3.5, without channel attention.
needs_start = 'projects/npmca_net/configs/npmca-net_r50_paper-stage1-without-cm_static-256.py'
model = dict(channel_attention=False)
