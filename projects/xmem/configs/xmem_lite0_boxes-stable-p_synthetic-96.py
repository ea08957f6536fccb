_base_ = './xmem_lite0_boxes-stable_synthetic-96.py'
# P: projection alone.
model = dict(losses=dict(pairwise=None, temporal=None))
