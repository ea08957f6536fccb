# The network for a CPU: EfficientNet-Lite0's ImageNet features, synthetic videos and images in turn.
_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/schedules/adamw_triangle.py',
]
custom_imports = dict(imports=['projects.contrastive_vsod'], allow_failed_imports=False)

model = dict(
    type='SaliencySegmentor',
    input_type='clip',
    data_preprocessor=dict(type='SalDataPreprocessor', mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0)),
    backbone=dict(
        type='Encoder',
        backbone=dict(type='EfficientNetLite0', out_indices=(0, 1, 3), weights='package'),
        neck=dict(type='ASPP', in_channels=112, channels=64, rates=(2, 4, 6), dropout=0.1),
    ),
    matcher=dict(type='ContrastiveAttention', channels=64, low_channels=24, low_level=1, low_stride=4),
    head=dict(type='GradualUpsamplingHead', in_channels=(16, 24, 192)),
    losses=dict(
        bce=dict(type='FrameCrossEntropyLoss', frames='mean'),
        contrast=dict(type='ContrastiveLoss', positives=4, negatives=4, mining='hard', temperature=0.1, weight=0.1),
    ),
)
train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadSoftLabels'),
    dict(type='Resize', size=160),
    dict(type='RandomFlip', probability=0.5, per='clip'),
    dict(type='PackFrames'),
]
test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadGroundTruth'),
    dict(type='Resize', size=160),
    dict(type='PackFrames'),
]
# One frame from each eighth of the video.
sample = dict(type='SampleClip', kind='stratified', length=8, trials=1, reverse=0.0)
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='PartsSampler', shuffle=True),
    batch_sampler=dict(type='AlternatingBatchSampler', sizes=(1, 8)),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(
                type='VideoSaliencyDataset',
                data_root='data/synthetic-vsod',
                list_file='ImageSets/2016/train.txt',
                clips='whole',
                pipeline=[sample, *train_pipeline],
            ),
            dict(type='SyntheticImages', length=800, split='train', size=160, labels='mask'),
        ],
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='VideoSaliencyDataset',
        data_root='data/synthetic-vsod',
        list_file='ImageSets/2016/val.txt',
        clips='all',
        length=1,
        training=False,
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type='VideoSaliencyMetric')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys={'backbone.backbone': dict(lr_mult=0.1)}),
)
default_hooks = dict(checkpoint=dict(interval=100, max_keep_ckpts=1))
