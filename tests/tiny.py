"""A run small enough for tests: ResNet-18 at 32 pixels, a narrow decoder, six synthetic images."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

TINY = """
_base_ = [{base!r}]
outputs = {{'logits': 1.0, 'logits_3': 0.8}}
model = dict(
    type='SaliencySegmentor',
    input_type='image',
    backbone=dict(type='ResNet', depth=18, out_indices=(1, 2), weights=None),
    neck=dict(type='ProgressiveAggregationNeck', in_channels=(64, 128), width=8),
    head=dict(type='MultiLevelSaliencyHead', in_channels=8, names=('logits', 'logits_3')),
    extra_passes=dict(rescaled=dict(type='RescaledPass', scale=0.5)),
    losses=dict(
        pce=dict(type='PartialCrossEntropyLoss', on=outputs),
        lsc=dict(type='LocalSaliencyCoherenceLoss', weight=0.3, on=outputs),
        ssc=dict(type='StructureConsistencyLoss'),
    ),
)
train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadLabels'),
    dict(type='Resize', size=32),
    dict(type='RandomFlip'),
    dict(type='RandomPhotometric'),
    dict(type='PackFrames'),
]
test_pipeline = [dict(type='LoadFrames'), dict(type='LoadGroundTruth'), dict(type='Resize', size=32), dict(type='PackFrames')]
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='ResumableSampler'),
    batch_sampler=dict(type='ResumableBatchSampler'),
    dataset=dict(type='SyntheticImages', length=6, size=48, pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='SyntheticImages', length=3, split='val', size=48, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='SaliencyMetric')
test_evaluator = val_evaluator
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
train_cfg = dict(type='PositionTrainLoop', max_iters=4, val_interval=100)
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='GroupedOptimWrapperConstructor',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9),
    paramwise_cfg=dict(custom_keys={{'backbone': dict(lr_mult=0.1)}}),
)
param_scheduler = dict(type='TriangleLR', total=20, by_epoch=False)
default_hooks = dict(checkpoint=dict(interval=2, max_keep_ckpts=1), logger=dict(interval=1))
"""


def write_tiny_config(path: Path) -> Path:
    """Write the config; its base is the repository's."""
    path.write_text(TINY.format(base=str(ROOT / 'configs/_base_/default_runtime.py')))
    return path
