# Stage 1 for a CPU: the static network on EfficientNet-Lite0's ImageNet features, full masks on synthetic images.
_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/schedules/adamw_triangle.py',
]
custom_imports = dict(imports=['projects.rcrnet'], allow_failed_imports=False)

model = dict(
    type='SaliencySegmentor',
    input_type='image',
    data_preprocessor=dict(type='SalDataPreprocessor', mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0)),
    backbone=dict(
        type='Encoder',
        backbone=dict(type='EfficientNetLite0', out_indices=(1, 2, 3), weights='package'),
        neck=dict(type='ASPP', in_channels=112, channels=64, rates=(1, 2, 3), pool_first=True, dropout=0.1),
    ),
    head=dict(type='RefinementHead', in_channels=(24, 40, 64), skip_channels=32, channels=48, full_channels=32),
    losses=dict(bce=dict(type='FrameCrossEntropyLoss', frames='mean')),
)
train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadSoftLabels'),
    dict(type='Resize', size=160),
    dict(type='RandomFlip', probability=0.5),
    dict(type='RandomPhotometric'),
    dict(type='PackFrames'),
]
test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadGroundTruth'),
    dict(type='Resize', size=160),
    dict(type='PackFrames'),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    batch_sampler=dict(type='ResumableBatchSampler'),
    dataset=dict(type='SyntheticImages', length=800, split='train', size=160, labels='mask', pipeline=train_pipeline),
)
test_dataloader = dict(
    batch_size=8,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='SyntheticImages', length=64, split='test', size=160, pipeline=test_pipeline),
)
test_evaluator = dict(type='SaliencyMetric')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={'backbone.backbone': dict(lr_mult=0.1)}),
)
default_hooks = dict(checkpoint=dict(interval=100, max_keep_ckpts=1))
