# Mask-guided FCN for a CPU: branches on EfficientNet-Lite0, a narrow head, synthetic images; groups for testing.
_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/schedules/adamw_triangle.py',
]
custom_imports = dict(imports=['projects.mask_guided_fcn'], allow_failed_imports=False)

model = dict(
    type='MaskGuidedSegmentor',
    data_preprocessor=dict(type='SalDataPreprocessor', mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0)),
    learner=dict(type='MaskLearner', backbone=dict(type='EfficientNetLite0', out_indices=(3,), weights='package')),
    backbone=dict(type='TwoBranchLite0', weights='package'),
    head=dict(type='FCNHead', in_channels=112, width=128, stride=16, kernel=3, dropout=0.1),
    # Short runs would lose the pretrained batch statistics.
    norm_eval='backbone',
    losses=dict(error=dict(type='SquaredErrorLoss')),
    postprocess=dict(smoothing=dict(type='LabelSmoothing')),
)
train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadLabels'),
    dict(type='Resize', size=160),
    dict(type='RandomFlip', probability=0.5),
    dict(type='PackFrames'),
]
test_pipeline = [
    dict(type='LoadFrames', keep_original=True),
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
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='SyntheticGroups', length=12, split='test', size=160, pipeline=test_pipeline),
)
test_evaluator = dict(type='SaliencyMetric')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.1)}),
)
default_hooks = dict(checkpoint=dict(interval=100, max_keep_ckpts=1))
