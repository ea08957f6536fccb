_base_ = './rcrnet-ner_r50_released_video-sets-1-5-448.py'
# Table 2, 19/20: VOS alone, every 20th label and 19 pseudo-labels per interval.
vos = dict(type='VideoSaliencyDataset', length=4, gaps='allow', data_root='data/pseudo/vos-19-20')
train_dataloader = dict(dataset=dict(datasets=[vos]))
test_dataloader = dict(dataset=dict(datasets=_base_.test_dataloader.dataset.datasets[-1:]))
