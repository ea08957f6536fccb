_base_ = './fgplg_r50_released_video-sets-l5-448.py'
# Tables 2 and 3 on VOS alone, 1/5; 4/5 with pseudo_label_datasets.0.between=4.
own = dict(label_interval=5)
train_dataloader = dict(dataset=dict(datasets=[dict(_base_.train_dataloader.dataset.datasets[2], **own)]))
pseudo_label_datasets = [dict(_base_.pseudo_label_datasets[2], between=1, **own)]
