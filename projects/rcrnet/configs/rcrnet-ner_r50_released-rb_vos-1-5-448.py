_base_ = './rcrnet-ner_r50_released_video-sets-1-5-448.py'
# Table 3, Rb: the first non-local block.
vos = dict(type='VideoSaliencyDataset', length=4, gaps='allow', data_root='data/pseudo/vos-1-5')
model = dict(matcher=dict(recurrent=None, second=False))
train_dataloader = dict(dataset=dict(datasets=[vos]))
test_dataloader = dict(dataset=dict(datasets=_base_.test_dataloader.dataset.datasets[-1:]))
