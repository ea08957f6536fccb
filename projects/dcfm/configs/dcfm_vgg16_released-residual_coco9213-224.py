_base_ = './dcfm_vgg16_released_coco9213-224.py'
# Thesis table 5.3, row 2. Our reading: the residual map goes straight into the decoder.
model = dict(matcher=dict(parts='residual'), neck=None, extra_passes=dict(masked=None), losses=dict(scl=None))
