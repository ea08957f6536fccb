# Stage 1 in a CPU's size: objects of drawn images, upright and lying ones as in the published sets, pasted on images of the
# other form; clips of about the thesis' form. Nothing is stretched.
_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/datasets/davis17_val.py',
    '../../../configs/_base_/schedules/adamw_cosine_600.py',
    './_base_/npmca-net_lite0.py',
]
model = dict(shorter_side=None)
read = [dict(type='LoadFrames'), dict(type='LoadLabels')]
lying = dict(type='SyntheticImages', length=240, size=(120, 160), labels='mask', name='lying')
upright = dict(type='SyntheticImages', length=80, split='upright', size=(160, 120), labels='mask', name='upright')
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    batch_sampler=dict(type='ResumableBatchSampler'),
    dataset=dict(
        type='CompositeClips',
        foregrounds=dict(type='ConcatDataset', datasets=[dict(pipeline=read, **lying), dict(pipeline=read, **upright)]),
        backgrounds=dict(
            type='ConcatDataset', datasets=[dict(pipeline=read[:1], **lying), dict(pipeline=read[:1], **upright)]
        ),
        frames=3,
        size=(64, 112),
        pipeline=[
            *read,
            dict(type='SelectObjects', max_objects=1),
            dict(type='FirstFramePrompt'),
            dict(type='PackFrames'),
        ],
    ),
)
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys={
            'target_encoder': dict(lr_mult=0.5),
            'reference_encoder': dict(lr_mult=0.2),
            'matcher': dict(lr_mult=0.3),
        }
    )
)
custom_hooks = [dict(type='StepSeedHook'), dict(type='SaveLabelsHook')]
default_hooks = dict(checkpoint=dict(interval=100, max_keep_ckpts=1))
