_base_ = './rcrnet-ner_r50_released_video-sets-1-5-448.py'
# Table 4, Gc: 7/20 with labels of the generator that sees the image and the neighbours' labels.
vos = dict(type='VideoSaliencyDataset', length=4, gaps='allow', data_root='data/pseudo/vos-gc-7-20')
train_dataloader = dict(dataset=dict(datasets=[vos]))
test_dataloader = dict(dataset=dict(datasets=_base_.test_dataloader.dataset.datasets[-1:]))
