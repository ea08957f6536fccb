# Stage 1: the static network, from ImageNet. The paper gives Adam with 1e-4; batch and length are not stated anywhere.
_base_ = ['../../../configs/_base_/default_runtime.py', '../../../configs/_base_/datasets/msra_b_hku_is_448.py']
custom_imports = dict(imports=['projects.rcrnet'], allow_failed_imports=False)

model = dict(
    type='SaliencySegmentor',
    input_type='image',
    data_preprocessor=dict(type='SalDataPreprocessor'),
    backbone=dict(
        type='Encoder',
        backbone=dict(type='ResNet', depth=50, output_stride=16, weights='imagenet'),
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
    head=dict(type='RefinementHead', in_channels=(256, 512, 1024, 256)),
    losses=dict(bce=dict(type='FrameCrossEntropyLoss', frames='sum')),
)
train_cfg = dict(type='PositionTrainLoop', max_iters=20000)
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='GroupedOptimWrapperConstructor',
    optimizer=dict(type='Adam', lr=1e-4),
)
default_hooks = dict(checkpoint=dict(interval=2000))
