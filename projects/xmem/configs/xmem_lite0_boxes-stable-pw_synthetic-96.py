_base_ = './xmem_lite0_boxes-stable_synthetic-96.py'
# P+W: without the temporal loss.
model = dict(losses=dict(temporal=None))
