# The 65 COCO groups (9,213 images) for training and three sets for testing. The training images are 224x224 already, as
# those of the released code; with originals the scaled crop sees other statistics.
data_root = 'data/'
train_pipeline = [
    dict(type='SampleGroup', num_frames=16, short='keep'),
    dict(type='LoadFrames'),
    dict(type='LoadLabels'),
    dict(type='RandomScaleCrop', size=224, base=448),
    dict(type='RandomFlip', probability=0.5, per='frame'),
    dict(type='RandomRotation', degrees=90),
    dict(type='PackFrames'),
]
test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadGroundTruth'),
    dict(type='PillowResize', size=224),
    dict(type='PackFrames'),
]
train_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    # Every epoch visits each group once, in the order of the names.
    sampler=dict(type='ResumableSampler', shuffle=False),
    batch_sampler=dict(type='ResumableBatchSampler'),
    dataset=dict(
        type='GroupDataset',
        data_root=data_root + 'CoCo-SEG',
        encoding='binary',
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(type='GroupDataset', data_root=data_root + name, encoding='binary')
            for name in ('CoCA', 'CoSOD3k', 'Cosal2015')
        ],
        pipeline=test_pipeline,
    ),
)
# The thesis' numbers come from eval-co-sod: all images of all groups alike, MAE of maps that are not stretched.
test_evaluator = dict(type='SaliencyMetric', protocol='cosod-evalcosod', columns=['mae', 'max_f', 'max_e', 's_measure'])
test_cfg = dict(type='TestLoop')
