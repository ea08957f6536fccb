# Learned in minutes from synthetic videos: two look-alike objects and a distractor, clips of three frames. The pretrained
# features that keys are made of stay as they are.
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
    shorter_side=None,
)
custom_hooks = [dict(type='StepSeedHook'), dict(type='SaveLabelsHook'), dict(type='ChannelsLastHook')]
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.5)}))
default_hooks = dict(checkpoint=dict(interval=100, max_keep_ckpts=1))
