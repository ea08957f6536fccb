# Table 1 and stage 3: the video network on true and generated labels, 1/5: every 5th label kept, one pseudo-label between two.
# Starts from stage 1, load_from=...; the non-local blocks begin as identities. The data are what the generator wrote.
_base_ = ['../../../configs/_base_/default_runtime.py', './_base_/video-sets-448.py']
custom_imports = dict(imports=['projects.rcrnet'], allow_failed_imports=False)

model = dict(
    type='SaliencySegmentor',
    input_type='clip',
    data_preprocessor=dict(type='SalDataPreprocessor'),
    backbone=dict(
        type='Encoder',
        backbone=dict(type='ResNet', depth=50, output_stride=16, weights=None),
        neck=dict(
            type='ASPP',
            in_channels=2048,
            rates=(6, 12, 18),
            project_kernel=3,
            pool_first=True,
            dropout=0.1,
            drop_channels=True,
        ),
    ),
    matcher=dict(type='NER', channels=256),
    head=dict(type='RefinementHead', in_channels=(256, 512, 1024, 256)),
    losses=dict(bce=dict(type='FrameCrossEntropyLoss', frames='sum')),
    norm_eval=True,
)
load_partial = True
needs_start = 'rcrnet'
train_pipeline = [
    dict(type='RandomReverse', probability=0.5),
    dict(type='LoadFrames'),
    dict(type='LoadSoftLabels'),
    dict(type='AntialiasedResize', size=448),
    dict(type='PackFrames'),
]
labels = 'data/pseudo/1-5/'
train_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    batch_sampler=dict(type='ResumableBatchSampler'),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(type='VideoSaliencyDataset', data_root=labels + name, length=4, gaps='allow')
            for name in ('DAVIS-2016', 'FBMS', 'VOS')
        ],
        pipeline=train_pipeline,
    ),
)
# As the released code.
train_cfg = dict(type='PositionTrainLoop', max_epochs=51)
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='GroupedOptimWrapperConstructor',
    optimizer=dict(type='Adam', lr=1e-5),
)
default_hooks = dict(checkpoint=dict(interval=900))
