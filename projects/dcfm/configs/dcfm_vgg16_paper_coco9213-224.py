# Chapter 5 of the thesis to the letter where the released code differs: correlations are not rectified, responses not
# stretched, one seed per image, overlap of the foreground of one output. Frames without object sit out a masked pass.
_base_ = './dcfm_vgg16_released_coco9213-224.py'
model = dict(
    matcher=dict(rectify='never', ties='first', stretch_epsilon=None),
    extra_passes=dict(masked=dict(empty='drop')),
    losses=dict(iou=dict(_delete_=True, type='MaskIoULoss', background=False)),
)
