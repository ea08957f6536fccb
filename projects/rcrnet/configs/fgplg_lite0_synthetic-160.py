# Stage 2 for a CPU: the generator on synthetic videos, every 20th label kept. load_from: a run of rcrnet-lite.
_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/datasets/synthetic_vsod_160.py',
    '../../../configs/_base_/schedules/adamw_triangle.py',
]
custom_imports = dict(imports=['projects.rcrnet'], allow_failed_imports=False)

model = dict(
    type='FGPLG',
    data_preprocessor=dict(type='SalDataPreprocessor', mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0)),
    backbone=dict(
        type='Encoder',
        backbone=dict(type='EfficientNetLite0', out_indices=(1, 2, 3), weights='package'),
        neck=dict(type='ASPP', in_channels=112, channels=64, rates=(1, 2, 3), pool_first=True, dropout=0.1),
    ),
    cue='flow',
    head=dict(type='RefinementHead', in_channels=(24, 40, 64), skip_channels=32, channels=48, full_channels=32),
    losses=dict(bce=dict(type='FrameCrossEntropyLoss', frames='mean')),
    norm_eval=True,
)
load_partial = True
needs_start = 'rcrnet-lite'
label_interval = 20
# In every pipeline; another one: --cfg-options flow_estimator=raft.
flow_estimator = dict(type='DISFlow', preset='medium')
flow = dict(type='ComputeFlow', cache='work_dirs/flow')
train_pipeline = [
    dict(type='RandomReverse', probability=0.5),
    dict(type='LoadFrames'),
    dict(type='LoadSoftLabels'),
    dict(type='Resize', size=160),
    flow,
    dict(type='SplitTriplet'),
    dict(type='PackFrames'),
]
generate_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadSoftLabels', missing='zero'),
    dict(type='Resize', size=160),
    flow,
    dict(type='SplitTriplet'),
    dict(type='PackFrames'),
]
videos = dict(
    type='VideoSaliencyDataset',
    data_root='data/synthetic-vsod',
    list_file='ImageSets/2016/train.txt',
    label_interval=label_interval,
)
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    batch_sampler=dict(type='ResumableBatchSampler'),
    dataset=dict(**videos, length=3, short='skip', pipeline=train_pipeline),
)
pseudo_label_datasets = [
    dict(**videos, clips='between', between=7, spacing='even'),
]
test_dataloader = None
test_evaluator = None
test_cfg = None
train_cfg = dict(max_iters=400)
optim_wrapper = dict(
    # The stem holds the cues' channels, which nothing has trained before.
    paramwise_cfg=dict(custom_keys={'backbone.backbone': dict(lr_mult=0.1), '_conv_stem': dict(lr_mult=1.0)}),
)
default_hooks = dict(checkpoint=dict(interval=100, max_keep_ckpts=1))
