# Learned from a few real videos, in the tree of DAVIS, and synthetic ones; three frames of 128 x 128.
_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/datasets/davis17_val.py',
    '../../../configs/_base_/datasets/synthetic_object_clips_96.py',
    '../../../configs/_base_/schedules/adamw_cosine_600.py',
    './_base_/xmem_lite0.py',
]
model = dict(
    key_backbone=dict(frozen_stages=4),
    losses=dict(ce=dict(type='BootstrappedCrossEntropyLoss', start=300, end=600, fraction=0.5)),
    shorter_side=144,
)
size = dict(type='RandomResizedCrop', size=128, area=(0.3, 1.0))
train_pipeline = [*_base_.train_pipeline[:4], size, *_base_.train_pipeline[4:]]
videos = dict(
    type='ObjectVideos',
    data_root='data/DAVIS-2017',
    layout='folders',
    list_file='ImageSets/train.txt',
    encoding='index',
    min_frames=3,
    repeats=20,
)
drawn = {**_base_.train_dataloader['dataset'], 'pipeline': train_pipeline}
train_dataloader = dict(
    dataset=dict(_delete_=True, type='ConcatDataset', datasets=[dict(pipeline=train_pipeline, **videos), drawn])
)
custom_hooks = [dict(type='StepSeedHook'), dict(type='SaveLabelsHook'), dict(type='ChannelsLastHook')]
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.5)}))
default_hooks = dict(checkpoint=dict(interval=100, max_keep_ckpts=1))
