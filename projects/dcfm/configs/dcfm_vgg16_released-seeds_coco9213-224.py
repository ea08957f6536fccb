_base_ = './dcfm_vgg16_released_coco9213-224.py'
# Thesis table 5.3, row 3. Our reading: the prototype is the mean of the seeds as they are, not of unit length, and the
# fused map is the residual map times that prototype, with no response.
model = dict(matcher=dict(parts='seeds'), neck=None, extra_passes=dict(masked=None), losses=dict(scl=None))
