_base_ = './dcfm_vgg16_released_coco9213-224.py'
# Thesis table 5.5, row 3: of the self-contrastive loss the negative pair alone, without feature enhancement.
model = dict(neck=None, losses=dict(scl=dict(positive=False)))
