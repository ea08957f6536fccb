# dcfm-lite on groups of your own and synthetic ones in turn: image/<group>/ and gt/<group>/ below a folder, which is
# given by --cfg-options train_dataloader.dataset.datasets.1.data_root=DIR test_dataloader.dataset.data_root=DIR
_base_ = './dcfm_lite0_synthetic-groups-160.py'

train_pipeline = [
    dict(type='SampleGroup', num_frames=5, short='repeat'),
    dict(type='LoadFrames'),
    dict(type='LoadLabels'),
    dict(type='Resize', size=160),
    dict(type='RandomFlip', probability=0.5, per='frame'),
    dict(type='RandomPhotometric', per='frame'),
    dict(type='PackFrames'),
]
test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadGroundTruth'),
    dict(type='Resize', size=160),
    dict(type='PackFrames'),
]
train_dataloader = dict(
    batch_size=1,
    sampler=dict(type='PartsSampler', shuffle=True),
    batch_sampler=dict(type='AlternatingBatchSampler', sizes=(1, 1)),
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[
            dict(type='SyntheticGroups', length=400, group_size=5, size=160),
            dict(type='GroupDataset', data_root='data/own'),
        ],
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    dataset=dict(_delete_=True, type='GroupDataset', data_root='data/own', pipeline=test_pipeline),
)
