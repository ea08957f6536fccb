_base_ = './scwssod_r50_released_duts-scribble-320.py'
# Thesis table 4.4, "without AGGM": all losses on GCPANet's aggregation.
model = dict(neck=dict(attention=False))
