# SCWSSOD for a CPU: EfficientNet-Lite0's ImageNet features, a narrow decoder, scribbles on synthetic images.
_base_ = ['../../../configs/_base_/default_runtime.py']

outputs = {'logits': 1.0, 'logits_3': 0.8, 'logits_4': 0.6, 'logits_5': 0.4}
model = dict(
    type='SaliencySegmentor',
    data_preprocessor=dict(type='SalDataPreprocessor', mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0)),
    backbone=dict(type='EfficientNetLite0', out_indices=(1, 2, 3, 4), weights='package'),
    neck=dict(type='ProgressiveAggregationNeck', in_channels=(24, 40, 112, 320), width=48, attention='softmax'),
    head=dict(type='MultiLevelSaliencyHead', in_channels=48),
    # Short runs would lose the pretrained batch statistics.
    norm_eval='backbone',
    extra_passes=dict(rescaled=dict(type='RescaledPass', scale=0.5, learn_statistics=False)),
    losses=dict(
        pce=dict(type='PartialCrossEntropyLoss', form='paper', on=outputs),
        lsc=dict(
            type='LocalSaliencyCoherenceLoss', scale=0.5, sigma_image=0.2, weight=0.15, ramp_iterations=200, on=outputs
        ),
        ssc=dict(type='StructureConsistencyLoss', alpha=0.85),
    ),
)
train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadLabels'),
    dict(type='Resize', size=128),
    dict(type='RandomFlip', probability=0.5),
    dict(type='RandomPhotometric'),
    dict(type='PackFrames'),
]
test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadGroundTruth'),
    dict(type='Resize', size=128),
    dict(type='PackFrames'),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    batch_sampler=dict(type='ResumableBatchSampler'),
    dataset=dict(
        type='SyntheticImages', length=800, split='train', size=128, labels='scribble', pipeline=train_pipeline
    ),
)
test_dataloader = dict(
    batch_size=8,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='SyntheticImages', length=64, split='test', size=128, pipeline=test_pipeline),
)
test_evaluator = dict(type='SaliencyMetric')
test_cfg = dict(type='TestLoop')
train_cfg = dict(type='PositionTrainLoop', max_iters=600)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.15)}),
)
param_scheduler = dict(type='TriangleLR', low_ratio=1e-2, offset=0, by_epoch=False)
default_hooks = dict(checkpoint=dict(interval=200, max_keep_ckpts=1))
