_base_ = './scwssod_r50_released_duts-scribble-320.py'
# Thesis table 4.3, row 1: partial cross-entropy only, on GCPANet's aggregation.
model = dict(neck=dict(attention=False), extra_passes=dict(rescaled=None), losses=dict(lsc=None, ssc=None))
