_base_ = './rcrnet-ner_r50_released_video-sets-1-5-448.py'
# Table 2, 0/1: VOS alone, all labels, no pseudo-label and so no generator.
vos = dict(
    type='VideoSaliencyDataset',
    data_root='data/VOS',
    list_file='{{ fileDirname }}/../splits/vos_train.txt',
    encoding='binary',
    length=4,
    label_interval=1,
    nominal_interval=15,
    gaps='allow',
)
train_dataloader = dict(dataset=dict(datasets=[vos]))
test_dataloader = dict(dataset=dict(datasets=_base_.test_dataloader.dataset.datasets[-1:]))
