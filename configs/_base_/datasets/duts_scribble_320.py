# S-DUTS for training, six sets for testing, each as `salseg convert` writes it. All pairs of a test set count, of DUTS those
# of DUTS-TE; masks of PASCAL-S are the fraction of annotators, which metrics cut at one half. Statistics are those of the
# released code, RGB on the 0-255 scale.
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
    dict(name='ECSSD', pixel_mean=(117.15, 112.48, 92.86), pixel_std=(56.36, 53.82, 54.23)),
    dict(name='DUT-OMRON', pixel_mean=(120.61, 121.86, 114.92), pixel_std=(58.10, 57.16, 61.09)),
    dict(name='PASCAL-S', pixel_mean=(117.02, 112.75, 102.48), pixel_std=(59.81, 58.96, 60.44), encoding='soft'),
    dict(name='HKU-IS', pixel_mean=(123.58, 121.69, 104.22), pixel_std=(55.40, 53.55, 55.19)),
    dict(name='THUR15K', pixel_mean=(122.60, 120.28, 104.46), pixel_std=(55.99, 55.39, 56.97)),
    dict(name='DUTS', pixel_mean=(124.55, 118.90, 102.94), pixel_std=(56.77, 55.97, 57.50), list_file='test.txt'),
]
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(type='SaliencyDataset', data_root=data_root + test_set['name'], label_folder='mask', **test_set)
            for test_set in test_sets
        ],
        pipeline=test_pipeline,
    ),
)
# The paper's "mean F" and "mean E" are most likely the adaptive ones: the tool that its authors name computes no mean over
# thresholds. Means over thresholds stand beside them.
test_evaluator = dict(type='SaliencyMetric', columns=['adaptive_f', 'adaptive_e', 'mae', 'mean_f', 'mean_e'])
test_cfg = dict(type='TestLoop')
