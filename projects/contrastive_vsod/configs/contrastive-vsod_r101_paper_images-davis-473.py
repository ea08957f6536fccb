# The network of the paper. Where it is silent: momentum, decay and a constant rate; how batches alternate; the 1x1
# gates; what the filters are generated from. The length of training is not stated.
_base_ = ['../../../configs/_base_/default_runtime.py', '../../../configs/_base_/datasets/images_davis16_473.py']
custom_imports = dict(imports=['projects.contrastive_vsod'], allow_failed_imports=False)

model = dict(
    type='SaliencySegmentor',
    input_type='clip',
    data_preprocessor=dict(type='SalDataPreprocessor'),
    backbone=dict(
        type='Encoder',
        backbone=dict(type='ResNet', depth=101, out_indices=(0, 1, 4), output_stride=8, weights='imagenet'),
        neck=dict(type='ASPP', in_channels=2048, rates=(12, 24, 36), dropout=0.5),
    ),
    matcher=dict(type='ContrastiveAttention', channels=256, low_channels=256, low_level=1),
    head=dict(type='GradualUpsamplingHead', in_channels=(64, 256, 768)),
    losses=dict(
        bce=dict(type='FrameCrossEntropyLoss', frames='mean'),
        contrast=dict(type='ContrastiveLoss', positives=4, negatives=4, mining='hard', temperature=0.1),
    ),
)
train_cfg = dict(type='PositionTrainLoop', max_iters=40000)
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='GroupedOptimWrapperConstructor',
    optimizer=dict(type='SGD', lr=1e-4, momentum=0.9, weight_decay=5e-4),
)
default_hooks = dict(checkpoint=dict(interval=2000))
