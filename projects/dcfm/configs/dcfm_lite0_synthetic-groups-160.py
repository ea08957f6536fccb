# DCFM for a CPU: frozen ImageNet features of EfficientNet-Lite0, a narrow decoder with group norm, synthetic groups.
# Seeds are chosen by the features themselves, centred and of one length, and the residual convolution starts at 0: with
# the released code's random projections the votes do not tell one kind of object from another, and training on so few
# groups cannot fix it. Keep the backbone frozen: features that learn with so few groups unlearn the other kinds.
_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/schedules/adamw_triangle.py',
]
custom_imports = dict(imports=['projects.dcfm'], allow_failed_imports=False)

outputs = {'logits': 1.0, 'logits_2': 0.5}
model = dict(
    type='GroupSegmentor',
    data_preprocessor=dict(type='SalDataPreprocessor', mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0)),
    backbone=dict(type='CentredLite0', out_indices=(1, 2, 3), frozen_stages=4, weights='package'),
    matcher=dict(
        type='DemocraticPrototype',
        channels=112,
        rectify='always',
        ties='first',
        stretch_epsilon=1e-6,
        start='identity',
    ),
    neck=dict(type='DemocraticEnhancement', channels=112, alpha=1),
    head=dict(type='LateralPyramidHead', in_channels=(24, 40, 112), width=32, norm='group'),
    restore_from='probability',
    extra_passes=dict(masked=dict(type='MaskedMatcherPass', empty='drop')),
    losses=dict(
        iou=dict(type='MaskIoULoss', background=True, on=outputs),
        scl=dict(type='SelfContrastiveLoss', weight=0.1),
    ),
)
train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadLabels'),
    dict(type='Resize', size=160),
    dict(type='RandomFlip', probability=0.5, per='frame'),
    dict(type='RandomPhotometric', per='frame'),
    dict(type='PackFrames'),
]
test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadGroundTruth'),
    dict(type='Resize', size=160),
    dict(type='PackFrames'),
]
train_dataloader = dict(
    batch_size=2,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    batch_sampler=dict(type='ResumableBatchSampler'),
    dataset=dict(type='SyntheticGroups', length=400, group_size=5, size=160, pipeline=train_pipeline),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='SyntheticGroups', length=24, split='test', size=160, categories='held-out', pipeline=test_pipeline
    ),
)
test_evaluator = dict(type='SaliencyMetric')
test_cfg = dict(type='TestLoop')
train_cfg = dict(max_iters=400)
default_hooks = dict(checkpoint=dict(interval=50, max_keep_ckpts=1))
