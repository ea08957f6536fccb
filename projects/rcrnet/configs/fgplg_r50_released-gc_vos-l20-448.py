_base_ = './fgplg_r50_released_video-sets-l5-448.py'
# Table 4, Gc, 7/20: the image and both neighbours' labels where they are; that these enter unwarped is our reading.
model = dict(cue='labels')
own = dict(label_interval=20)
train_dataloader = dict(dataset=dict(datasets=[dict(_base_.train_dataloader.dataset.datasets[2], **own)]))
pseudo_label_datasets = [dict(_base_.pseudo_label_datasets[2], between=7, **own)]
