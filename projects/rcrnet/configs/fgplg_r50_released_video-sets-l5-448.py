# Stage 2: the generator, on triplets of kept labels (every 5th), the middle one being the target. Starts from stage 1:
# load_from=...; the first convolution is widened at load. DIS stands in for FlowNet 2.0, whose weights have a licence
# of their own.
_base_ = ['../../../configs/_base_/default_runtime.py', './_base_/video-sets-448.py']
custom_imports = dict(imports=['projects.rcrnet'], allow_failed_imports=False)

model = dict(
    type='FGPLG',
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
    cue='flow',
    head=dict(type='RefinementHead', in_channels=(256, 512, 1024, 256)),
    losses=dict(bce=dict(type='FrameCrossEntropyLoss', frames='sum')),
    norm_eval=True,
)
# Stage 1 has no cues in its first convolution, and a generator of another cue has others.
load_partial = True
needs_start = 'rcrnet'
label_interval = 5
# In every pipeline; another one: --cfg-options flow_estimator=raft.
flow_estimator = dict(type='DISFlow', preset='medium')
flow = dict(type='ComputeFlow', cache='work_dirs/flow')
train_pipeline = [
    dict(type='RandomReverse', probability=0.5),
    dict(type='LoadFrames'),
    dict(type='LoadSoftLabels'),
    dict(type='AntialiasedResize', size=448),
    flow,
    dict(type='SplitTriplet'),
    dict(type='PackFrames'),
]
# Of the frame between, the truth is not there: SplitTriplet drops what stands in for it.
generate_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadSoftLabels', missing='zero'),
    dict(type='AntialiasedResize', size=448),
    flow,
    dict(type='SplitTriplet'),
    dict(type='PackFrames'),
]
video_sets = [('DAVIS-2016', 'davis2016_train', 1), ('FBMS', 'fbms_train', 1), ('VOS', 'vos_train', 15)]
splits = '{{ fileDirname }}/../splits/'
train_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    batch_sampler=dict(type='ResumableBatchSampler'),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(
                type='VideoSaliencyDataset',
                data_root=f'data/{name}',
                list_file=f'{splits}{split}.txt',
                encoding='binary',
                length=3,
                short='skip',
                label_interval=label_interval,
                nominal_interval=interval,
                gaps='allow',
            )
            for name, split, interval in video_sets
        ],
        pipeline=train_pipeline,
    ),
)
# What `salseg precompute pseudo-labels` labels: m frames per interval, here one (1/5), evenly spaced.
# spacing='released' gives the positions of the released code. Each goes through generate_pipeline.
pseudo_label_datasets = [
    dict(
        type='VideoSaliencyDataset',
        data_root=f'data/{name}',
        list_file=f'{splits}{split}.txt',
        encoding='binary',
        clips='between',
        label_interval=label_interval,
        nominal_interval=interval,
        between=1,
        spacing='even',
        gaps='allow',
    )
    for name, split, interval in video_sets
]
# Validated by generating and measuring; the clips of a test set have no neighbours' labels.
test_dataloader = None
test_evaluator = None
test_cfg = None
# As the released code.
train_cfg = dict(type='PositionTrainLoop', max_epochs=51)
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='GroupedOptimWrapperConstructor',
    optimizer=dict(type='Adam', lr=1e-5),
)
default_hooks = dict(checkpoint=dict(interval=700))
