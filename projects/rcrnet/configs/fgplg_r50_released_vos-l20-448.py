_base_ = './fgplg_r50_released_video-sets-l5-448.py'
# Tables 2 and 4 on VOS alone, 7/20 (Gd); 19/20 with pseudo_label_datasets.0.between=19.
own = dict(label_interval=20)
train_dataloader = dict(dataset=dict(datasets=[dict(_base_.train_dataloader.dataset.datasets[2], **own)]))
pseudo_label_datasets = [dict(_base_.pseudo_label_datasets[2], between=7, **own)]
