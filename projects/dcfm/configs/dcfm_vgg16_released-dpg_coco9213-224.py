_base_ = './dcfm_vgg16_released_coco9213-224.py'
# Thesis table 5.2 row 2, 5.3 row 4, 5.5 row 1: prototype generation alone. Both parts of the overlap loss stay (not
# stated).
model = dict(neck=None, extra_passes=dict(masked=None), losses=dict(scl=None))
