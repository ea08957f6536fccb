_base_ = './xmem_r50_masks_davis17-480.py'
# One object per video: all objects of the 2017 masks as one.
test_dataloader = dict(dataset=dict(list_file='ImageSets/2016/val.txt', name='DAVIS2016-val', merge_objects=True))
test_evaluator = dict(protocol='davis16')
