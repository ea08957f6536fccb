# Chapter 5 of the thesis where the released code differs: correlations are not rectified, responses not stretched, one seed per
# image, attention above 0 counts as positive, overlap of the foreground of one output, groups in random order. Frames without
# object sit out a masked pass. What is still the release's is listed in the README.
_base_ = './dcfm_vgg16_released_coco9213-224.py'
model = dict(
    matcher=dict(rectify='never', ties='first', stretch_epsilon=None),
    neck=dict(zero_counts=False),
    extra_passes=dict(masked=dict(empty='drop')),
    losses=dict(iou=dict(_delete_=True, type='MaskIoULoss', background=False)),
)
train_dataloader = dict(sampler=dict(shuffle=True))
