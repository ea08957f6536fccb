# S-DUTS for training, six sets for testing, in the tree of the released code: <set>/image, <set>/scribble or <set>/mask,
# <set>/train.txt or test.txt. Statistics are those of the released code, RGB on the 0-255 scale.
data_root = 'data/'
train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadLabels', one_sided='allow'),
    dict(type='Resize', size=320),
    dict(type='RandomFlip', probability=0.5),
    dict(type='PackFrames'),
]
test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadGroundTruth'),
    dict(type='Resize', size=320),
    dict(type='PackFrames'),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    batch_sampler=dict(type='ResumableBatchSampler', last='keep'),
    dataset=dict(
        type='SaliencyDataset',
        data_root=data_root + 'DUTS',
        label_folder='scribble',
        list_file='train.txt',
        encoding='scribble',
        pixel_mean=(124.55, 118.90, 102.94),
        pixel_std=(56.77, 55.97, 57.50),
        pipeline=train_pipeline,
    ),
)
test_sets = [
    ('ECSSD', (117.15, 112.48, 92.86), (56.36, 53.82, 54.23)),
    ('DUT-OMRON', (120.61, 121.86, 114.92), (58.10, 57.16, 61.09)),
    ('PASCAL-S', (117.02, 112.75, 102.48), (59.81, 58.96, 60.44)),
    ('HKU-IS', (123.58, 121.69, 104.22), (55.40, 53.55, 55.19)),
    ('THUR15K', (122.60, 120.28, 104.46), (55.99, 55.39, 56.97)),
    ('DUTS', (124.55, 118.90, 102.94), (56.77, 55.97, 57.50)),
]
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(
                type='SaliencyDataset',
                data_root=data_root + name,
                label_folder='mask',
                list_file='test.txt',
                pixel_mean=mean,
                pixel_std=std,
            )
            for name, mean, std in test_sets
        ],
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type='SaliencyMetric')
test_cfg = dict(type='TestLoop')
