"""The demo model: SCWSSOD's decoder on EfficientNet-Lite0's ImageNet features; trained by tools/train_demo.py."""

default_scope = 'salseg'
outputs = {'logits': 1.0, 'logits_3': 0.8, 'logits_4': 0.6, 'logits_5': 0.4}
model = dict(
    type='SaliencySegmentor',
    data_preprocessor=dict(type='SalDataPreprocessor', mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0)),
    backbone=dict(type='EfficientNetLite0', out_indices=(1, 2, 3, 4), weights='package', frozen_stages=5),
    neck=dict(type='ProgressiveAggregationNeck', in_channels=(24, 40, 112, 320), width=48, attention='softmax'),
    head=dict(type='MultiLevelSaliencyHead', in_channels=48),
    norm_eval='backbone',
    losses=dict(pce=dict(type='PartialCrossEntropyLoss', on=outputs)),
    # Synthetic objects lie anywhere; those of photographs mostly do not.
    postprocess=dict(centre=dict(type='CentreWeight', spread=0.35)),
)
test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadGroundTruth'),
    dict(type='Resize', size=192),
    dict(type='PackFrames'),
]
test_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='SyntheticImages', length=64, split='test', size=192, pipeline=test_pipeline),
)
test_evaluator = dict(type='SaliencyMetric')
test_cfg = dict(type='TestLoop')
