_base_ = './dcfm_vgg16_released_coco9213-224.py'
# Thesis table 5.2 row 3, 5.5 row 4, 5.6 row 1: prototype generation and self-contrastive loss, no feature enhancement.
model = dict(neck=None)
