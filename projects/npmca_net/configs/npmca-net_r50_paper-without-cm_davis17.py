_base_ = './npmca-net_r50_paper_davis17.py'
# Thesis table 3.5, without channel attention.
model = dict(channel_attention=False)
