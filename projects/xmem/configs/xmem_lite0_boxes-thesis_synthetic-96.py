# The thesis' recipe from boxes as it is written (section 4.3), on the small network: its losses with weights of one, AdamW at
# 1e-5 with a decay of 0.05, no layer frozen, no clipped gradient, no start but ImageNet's features. A CPU's size: 600
# iterations in the place of 110,000, with the warm-up and the step of the rate at the same fractions of them; two clips of
# three frames of 96 x 96 in the place of eight of eight of 384 x 384.
_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/datasets/davis17_val.py',
    '../../../configs/_base_/datasets/synthetic_object_clips_96.py',
    '../../../configs/_base_/schedules/adamw_step_110k.py',
    './_base_/xmem_lite0.py',
]
warm_up = 600 * 10 // 110
losses = dict(
    ce=None,
    dice=None,
    projection=dict(type='ProjectionLoss'),
    pairwise=dict(type='PairwiseLoss', ramp_iterations=warm_up),
    temporal=dict(type='TemporalLoss', detach=True, ramp_iterations=warm_up),
)
model = dict(losses=losses, shorter_side=None)
train_pipeline = [*_base_.train_pipeline[:-2], dict(type='MasksToBoxes'), _base_.train_pipeline[-1]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
train_cfg = dict(max_iters=600)
param_scheduler = [dict(type='MultiStepLR', milestones=[600 * 80 // 110], gamma=0.1, by_epoch=False)]
custom_hooks = [dict(type='StepSeedHook'), dict(type='SaveLabelsHook'), dict(type='ChannelsLastHook')]
default_hooks = dict(checkpoint=dict(interval=100, max_keep_ckpts=1))
