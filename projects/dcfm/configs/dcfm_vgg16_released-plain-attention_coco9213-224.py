_base_ = './dcfm_vgg16_released_coco9213-224.py'
# Thesis table 5.6, row 2: feature enhancement without readjustment.
model = dict(neck=dict(alpha=None))
