_base_ = './dcfm_vgg16_released_coco9213-224.py'
# Thesis tables 5.2 and 5.3, row 1: backbone and decoder alone; no loss knows of the group.
model = dict(matcher=None, neck=None, extra_passes=dict(masked=None), losses=dict(scl=None))
