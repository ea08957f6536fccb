"""The demo model: likeness to the border, in EfficientNet-Lite0's ImageNet features; trained by tools/train_demo.py."""

default_scope = 'salseg'
model = dict(
    type='SaliencySegmentor',
    input_type='image',
    data_preprocessor=dict(type='SalDataPreprocessor', mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0)),
    backbone=dict(type='EfficientNetLite0', out_indices=(2, 3, 4), weights='package', frozen_stages=5),
    neck=dict(type='BorderContrastNeck', levels=3, width=32),
    head=dict(type='MultiLevelSaliencyHead', in_channels=32, names=('logits',)),
    norm_eval='backbone',
    losses=dict(ce=dict(type='MaskCrossEntropyLoss'), iou=dict(type='MaskIoULoss')),
)
test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadGroundTruth'),
    dict(type='Resize', size=224),
    dict(type='PackFrames'),
]
test_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='SyntheticImages', length=64, split='test', size=224, pipeline=test_pipeline),
)
test_evaluator = dict(type='SaliencyMetric')
test_cfg = dict(type='TestLoop')
