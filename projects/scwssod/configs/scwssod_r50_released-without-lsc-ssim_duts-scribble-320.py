_base_ = './scwssod_r50_released_duts-scribble-320.py'
# Thesis table 4.5, "without SSIM" (trained without LSC): the consistency loss is the plain mean absolute difference.
model = dict(losses=dict(lsc=None, ssc=dict(alpha=0.0)))
