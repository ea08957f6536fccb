_base_ = './scwssod_r50_released_duts-scribble-320.py'
# Thesis table 4.3, row 2: partial cross-entropy only, with AGGM.
model = dict(extra_passes=dict(rescaled=None), losses=dict(lsc=None, ssc=None))
