_base_ = './scwssod_r50_released_duts-scribble-320.py'
# Thesis table 4.3, row 3, and table 4.5 "with SSIM": everything but local saliency coherence.
model = dict(losses=dict(lsc=None))
