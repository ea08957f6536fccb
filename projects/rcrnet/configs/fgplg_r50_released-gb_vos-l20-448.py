_base_ = './fgplg_r50_released_video-sets-l5-448.py'
# Table 4, Gb, 7/20 on VOS alone: the image alone.
model = dict(cue='none')
own = dict(label_interval=20)
train_dataloader = dict(dataset=dict(datasets=[dict(_base_.train_dataloader.dataset.datasets[2], **own)]))
pseudo_label_datasets = [dict(_base_.pseudo_label_datasets[2], between=7, **own)]
