_base_ = './rcrnet-ner_r50_released_video-sets-1-5-448.py'
# Table 2, 4/5: VOS alone, every 5th label and 4 pseudo-labels per interval.
vos = dict(type='VideoSaliencyDataset', length=4, gaps='allow', data_root='data/pseudo/vos-4-5')
train_dataloader = dict(dataset=dict(datasets=[vos]))
test_dataloader = dict(dataset=dict(datasets=_base_.test_dataloader.dataset.datasets[-1:]))
