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
# As the released code, which keeps the weights with the best S on VOS val, looked at after each epoch. Its validation clips
# overlap, so that it counts some frames twice; here each counts once, but the first and the last of a video (protocol).
train_cfg = dict(type='PositionTrainLoop', max_epochs=51, val_epochs=1)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='VideoSaliencyDataset',
        data_root='data/VOS',
        list_file='{{ fileDirname }}/../splits/vos_val.txt',
        encoding='binary',
        clips='labelled',
        length=4,
        training=False,
        nominal_interval=15,
        gaps='allow',
        name='VOS-val',
        pipeline=_base_.test_pipeline,
    ),
)
val_evaluator = dict(type='VideoSaliencyMetric', protocol='vsod')
val_cfg = dict(type='ValLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='GroupedOptimWrapperConstructor',
    optimizer=dict(type='Adam', lr=1e-5),
)
default_hooks = dict(checkpoint=dict(interval=900, save_best='VOS-val/s_measure', rule='greater'))
