_base_ = './rcrnet-ner_r50_released_video-sets-1-5-448.py'
# Table 2, 7/20: VOS alone, every 20th label and 7 pseudo-labels per interval. Also table 4, Gd.
vos = dict(type='VideoSaliencyDataset', length=4, gaps='allow', data_root='data/pseudo/vos-7-20')
train_dataloader = dict(dataset=dict(datasets=[vos]))
test_dataloader = dict(dataset=dict(datasets=_base_.test_dataloader.dataset.datasets[-1:]))
