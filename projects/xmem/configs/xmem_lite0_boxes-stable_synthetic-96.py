# The stable recipe from boxes, not the thesis': that one is boxes-thesis, and the project's page has what differs. It begins
# with weights of boxes-filled, and pairwise and temporal loss count a tenth. With this bandwidth about half of the pairs count.
_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/datasets/davis17_val.py',
    '../../../configs/_base_/datasets/synthetic_object_clips_96.py',
    '../../../configs/_base_/schedules/adamw_cosine_600.py',
    './_base_/xmem_lite0.py',
]
needs_start = 'projects/xmem/configs/xmem_lite0_boxes-filled_synthetic-96.py'
colours = dict(gamma=8.0, stride=2, weight=0.1, ramp_iterations=50)
losses = dict(ce=None, dice=None, projection=dict(type='ProjectionLoss', form='released', stride=2))
losses['pairwise'] = dict(type='PairwiseLoss', normalizer='pairs', **colours)
model = dict(
    key_backbone=dict(frozen_stages=4),
    losses=dict(**losses, temporal=dict(type='TemporalLoss', detach=True, **colours)),
    shorter_side=None,
)
train_pipeline = [*_base_.train_pipeline[:-2], dict(type='MasksToBoxes'), _base_.train_pipeline[-1]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
custom_hooks = [dict(type='StepSeedHook'), dict(type='SaveLabelsHook'), dict(type='ChannelsLastHook')]
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.5)}))
default_hooks = dict(checkpoint=dict(interval=100, max_keep_ckpts=1))
