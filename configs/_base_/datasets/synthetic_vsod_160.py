# Synthetic videos, written once in the layout of DAVIS 2016 with `salseg`'s writer (kind 'vsod').
test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadGroundTruth'),
    dict(type='Resize', size=160),
    dict(type='PackFrames'),
]
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='VideoSaliencyDataset',
        data_root='data/synthetic-vsod',
        list_file='ImageSets/2016/val.txt',
        clips='all',
        length=4,
        training=False,
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type='VideoSaliencyMetric')
test_cfg = dict(type='TestLoop')
