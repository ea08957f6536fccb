_base_ = './npmca-net_r50_paper_davis17.py'
# One object per video: all objects of the 2017 masks as one.
test_dataloader = dict(dataset=dict(list_file='ImageSets/2016/val.txt', name='DAVIS2016-val', merge_objects=True))
test_evaluator = dict(protocol='davis16')
