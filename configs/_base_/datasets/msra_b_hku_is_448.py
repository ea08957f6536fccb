# Stage 1: still images, with the augmentation of the released transforms. The paper names no split: train.txt of both sets
# is that of the lists which `salseg convert --lists` was given, else all pairs. ECSSD for testing, as it is in neither set.
data_root = 'data/'
train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadSoftLabels'),
    dict(type='RandomJitter', brightness=0.3, contrast=0.3, saturation=0.3, hue=0.3),
    dict(type='RandomScaledCrop', size=448, area=(0.7, 1.0), ratio=(3 / 4, 4 / 3)),
    dict(type='RandomMirror'),
    dict(type='PackFrames'),
]
test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadGroundTruth'),
    dict(type='AntialiasedResize', size=448),
    dict(type='PackFrames'),
]
sets = [
    dict(type='SaliencyDataset', data_root=data_root + name, list_file='train.txt') for name in ('MSRA-B', 'HKU-IS')
]
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    batch_sampler=dict(type='ResumableBatchSampler'),
    dataset=dict(type='ConcatDataset', datasets=sets, pipeline=train_pipeline),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='SaliencyDataset', data_root=data_root + 'ECSSD', pipeline=test_pipeline),
)
test_evaluator = dict(type='SaliencyMetric')
test_cfg = dict(type='TestLoop')
