_base_ = './npmca-net_lite0_paper_davis17.py'
# Learned in minutes from synthetic videos: one of two look-alike objects and a distractor. With wide gaps between the
# three frames of a clip the previous mask alone does not tell where the object is, and matching is learned.
total, batch = 600, 4
model = dict(shorter_side=None)
train_pipeline = [
    dict(type='SampleClip', length=3, kind='forward', gaps=((0, 3), (0.3, 6)), total_draws=total * batch, reverse=0.0),
    dict(type='LoadFrames'),
    dict(type='LoadLabels'),
    dict(type='SelectObjects', max_objects=1),
    dict(type='RandomFlip', probability=0.5),
    dict(type='RandomAffine', rotation=10, shear=5, scale=(0.9, 1.1), per='clip'),
    dict(type='RandomPhotometric', brightness=0.1, contrast=0.1, saturation=0.1),
    dict(type='FirstFramePrompt'),
    dict(type='PackFrames'),
]
train_dataloader = dict(
    batch_size=batch,
    num_workers=1,
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
train_cfg = dict(max_iters=total)
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01),
    clip_grad=dict(max_norm=5),
    paramwise_cfg=dict(
        custom_keys={
            'target_encoder': dict(lr_mult=0.5),
            'reference_encoder': dict(lr_mult=0.2),
            'matcher': dict(lr_mult=0.3),
        }
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=30),
    dict(type='CosineAnnealingLR', T_max=total, by_epoch=False, eta_min_ratio=0.02),
]
default_hooks = dict(checkpoint=dict(interval=100, max_keep_ckpts=1))
