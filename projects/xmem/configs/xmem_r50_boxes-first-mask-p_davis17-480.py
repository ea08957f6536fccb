_base_ = './xmem_r50_boxes-first-mask_davis17-480.py'
# Thesis tables 4.5 and 4.6, P: projection alone.
model = dict(losses=dict(pairwise=None, temporal=None))
