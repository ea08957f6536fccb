_base_ = './dcfm_vgg16_released_coco9213-224.py'
# Thesis table 5.7: exponent 0.1 of the readjustment; the main config has 3.
model = dict(neck=dict(alpha=0.1))
