# All 5,000 images of MSRA-B for training, as in the paper; whole groups of three co-saliency sets for testing.
data_root = 'data/'
train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadLabels'),
    dict(type='Resize', size=500),
    dict(type='PackFrames'),
]
test_pipeline = [
    # The smoothing works on the images at their own size.
    dict(type='LoadFrames', keep_original=True),
    dict(type='LoadGroundTruth'),
    dict(type='Resize', size=500),
    dict(type='PackFrames'),
]
train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    batch_sampler=dict(type='ResumableBatchSampler'),
    dataset=dict(type='SaliencyDataset', data_root=data_root + 'MSRA-B', pipeline=train_pipeline),
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
            for name in ('iCoseg', 'MSRC', 'Cosal2015')
        ],
        pipeline=test_pipeline,
    ),
)
# The paper's columns: AP, AUC, and F of the mean precision and recall at mean + deviation of each map. It does not say how
# AP and AUC are averaged: 'sod' takes the mean over images, eval-co-sod the area under the mean curves.
test_evaluator = dict(
    type='SaliencyMetric', protocol=['sod', 'cosod-evalcosod'], columns=['average_precision', 'auc', 'mustd_f']
)
test_cfg = dict(type='TestLoop')
