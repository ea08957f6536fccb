_base_ = './xmem_lite0_masks_davis17-240.py'
# Learned in minutes from synthetic videos: two look-alike objects and a distractor, clips of three frames. The pretrained
# features that keys are made of stay as they are.
total, batch = 600, 2
model = dict(
    key_backbone=dict(frozen_stages=4),
    losses=dict(
        ce=dict(type='BootstrappedCrossEntropyLoss', start=total // 2, end=total, fraction=0.5),
        dice=dict(type='DiceLoss'),
    ),
    shorter_side=None,
)
train_pipeline = [
    dict(type='SampleClip', length=3, gaps=((0, 2), (0.3, 4), (0.9, 2)), total_draws=total * batch),
    dict(type='LoadFrames'),
    dict(type='LoadLabels'),
    dict(type='SelectObjects', max_objects=2),
    dict(type='RandomFlip', probability=0.5),
    dict(type='RandomAffine', rotation=10, shear=5, scale=(0.9, 1.1), per='clip'),
    dict(type='RandomPhotometric', brightness=0.1, contrast=0.1, saturation=0.1),
    dict(type='FirstFramePrompt'),
    dict(type='PackFrames'),
]
train_dataloader = dict(
    batch_size=batch,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    batch_sampler=dict(type='ResumableBatchSampler'),
    dataset=dict(
        _delete_=True,
        type='SyntheticObjectVideos',
        length=160,
        frames=16,
        size=96,
        options=dict(objects=2, look_alikes=True, distractors=1, occluders=0, leaving=False, max_step=4.0),
        pipeline=train_pipeline,
    ),
)
custom_hooks = [*_base_.custom_hooks, dict(type='ChannelsLastHook')]
train_cfg = dict(type='PositionTrainLoop', max_iters=total)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01),
    clip_grad=dict(max_norm=5),
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.5)}),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=30),
    dict(type='CosineAnnealingLR', T_max=total, by_epoch=False, eta_min_ratio=0.02),
]
default_hooks = dict(checkpoint=dict(interval=100, max_keep_ckpts=1))
