# MSRA10K and DUT-OMRON as still images, DAVIS 2016 as video, in turn: one clip of eight frames, then eight images.
# The frames are drawn from the whole video, one from each eighth; for eight consecutive ones: clips='all', length=8 and a
# pipeline without SampleClip.
data_root = 'data/'
train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadSoftLabels'),
    dict(type='Resize', size=473),
    dict(type='RandomFlip', probability=0.5, per='clip'),
    dict(type='PackFrames'),
]
test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadGroundTruth'),
    dict(type='Resize', size=473),
    dict(type='PackFrames'),
]
videos = dict(
    type='VideoSaliencyDataset',
    data_root=data_root + 'DAVIS-2016',
    list_file='ImageSets/train.txt',
    encoding='binary',
    clips='whole',
)
sample = dict(type='SampleClip', kind='stratified', length=8, trials=1, reverse=0.0)
images = dict(
    type='ConcatDataset',
    datasets=[dict(type='SaliencyDataset', data_root=data_root + name) for name in ('MSRA10K', 'DUT-OMRON')],
    pipeline=train_pipeline,
)
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='PartsSampler', shuffle=True),
    batch_sampler=dict(type='AlternatingBatchSampler', sizes=(1, 8)),
    dataset=dict(type='ConcatDataset', datasets=[dict(**videos, pipeline=[sample, *train_pipeline]), images]),
)
test_sets = [
    ('DAVIS-2016', 'ImageSets/val.txt'),
    ('FBMS', 'ImageSets/test.txt'),
    ('ViSal', None),
    ('DAVSOD', 'ImageSets/test.txt'),
]
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            # Single frames: the network has no temporal input.
            dict(
                type='VideoSaliencyDataset',
                data_root=data_root + name,
                list_file=names,
                encoding='binary',
                clips='labelled',
                length=1,
                training=False,
                gaps='allow',
            )
            for name, names in test_sets
        ],
        pipeline=test_pipeline,
    ),
)
# 'vsod' and 'davis16' leave out the first and the last annotated frame of each video. For J and F maps become masks at 0.5
# (the paper does not say how); other rules: salseg predict, binarise, evaluate.
test_evaluator = dict(
    type='VideoSaliencyMetric',
    protocol=['vsod', 'davis16'],
    columns=['max_f', 's_measure', 'mae', 'J_mean', 'F_mean'],
)
test_cfg = dict(type='TestLoop')
