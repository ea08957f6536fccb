_base_ = './xmem_lite0_boxes-stable_synthetic-96.py'
# P+T: without the pairwise loss.
model = dict(losses=dict(pairwise=None))
