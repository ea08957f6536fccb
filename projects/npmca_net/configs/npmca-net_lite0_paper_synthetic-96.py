# Learned in minutes from synthetic videos: one of two look-alike objects and a distractor. With wide gaps between the
# three frames of a clip the previous mask alone does not tell where the object is, and matching is learned.
_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/datasets/davis17_val.py',
    '../../../configs/_base_/datasets/synthetic_object_clips_96.py',
    '../../../configs/_base_/schedules/adamw_cosine_600.py',
    './_base_/npmca-net_lite0.py',
]
batch = 4
model = dict(shorter_side=None)
train_pipeline = [
    dict(type='SampleClip', length=3, kind='forward', gaps=((0, 3), (0.3, 6)), total_draws=600 * batch, reverse=0.0),
    dict(type='LoadFrames'),
    dict(type='LoadLabels'),
    dict(type='RandomFlip', probability=0.5),
    dict(type='RandomAffine', rotation=10, shear=5, scale=(0.9, 1.1), per='clip'),
    dict(type='RandomPhotometric', brightness=0.1, contrast=0.1, saturation=0.1),
    dict(type='SelectObjects', max_objects=1),
    dict(type='FirstFramePrompt'),
    dict(type='PackFrames'),
]
train_dataloader = dict(batch_size=batch, dataset=dict(pipeline=train_pipeline))
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
