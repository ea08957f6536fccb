_base_ = './rcrnet-ner_r50_released_video-sets-1-5-448.py'
# Table 3, Rd: plain ConvGRU between the blocks. That the convolution then reads the forward states alone is our reading.
vos = dict(type='VideoSaliencyDataset', length=4, gaps='allow', data_root='data/pseudo/vos-1-5')
model = dict(matcher=dict(recurrent='forward'))
train_dataloader = dict(dataset=dict(datasets=[vos]))
test_dataloader = dict(dataset=dict(datasets=_base_.test_dataloader.dataset.datasets[-1:]))
