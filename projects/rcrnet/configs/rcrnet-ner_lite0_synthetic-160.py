# Stage 3 for a CPU: the video network on kept and generated labels. load_from: a run of rcrnet-lite; data: what
# fgplg-lite wrote.
_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/datasets/synthetic_vsod_160.py',
    '../../../configs/_base_/schedules/adamw_triangle.py',
]
custom_imports = dict(imports=['projects.rcrnet'], allow_failed_imports=False)

model = dict(
    type='SaliencySegmentor',
    input_type='clip',
    data_preprocessor=dict(type='SalDataPreprocessor', mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0)),
    backbone=dict(
        type='Encoder',
        backbone=dict(type='EfficientNetLite0', out_indices=(1, 2, 3), weights='package'),
        neck=dict(type='ASPP', in_channels=112, channels=64, rates=(1, 2, 3), pool_first=True, dropout=0.1),
    ),
    matcher=dict(type='NER', channels=64),
    head=dict(type='RefinementHead', in_channels=(24, 40, 64), skip_channels=32, channels=48, full_channels=32),
    losses=dict(bce=dict(type='FrameCrossEntropyLoss', frames='mean')),
    norm_eval=True,
)
load_partial = True
needs_start = 'rcrnet-lite'
train_pipeline = [
    dict(type='RandomReverse', probability=0.5),
    dict(type='LoadFrames'),
    dict(type='LoadSoftLabels'),
    dict(type='Resize', size=160),
    dict(type='RandomFlip', probability=0.5),
    dict(type='PackFrames'),
]
train_dataloader = dict(
    batch_size=2,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    batch_sampler=dict(type='ResumableBatchSampler'),
    dataset=dict(
        type='VideoSaliencyDataset', data_root='data/synthetic-vsod-pseudo', length=4, pipeline=train_pipeline
    ),
)
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={'backbone.backbone': dict(lr_mult=0.1)}),
)
default_hooks = dict(checkpoint=dict(interval=100, max_keep_ckpts=1))
