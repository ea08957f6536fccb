# DCFM as its released code computes it. The last epoch is the result: the authors kept the one that was best on CoCA, a
# test set. The paper's text differs in a few places: dcfm_vgg16_paper_...py.
_base_ = ['../../../configs/_base_/default_runtime.py', '../../../configs/_base_/datasets/coco9213_224.py']
custom_imports = dict(imports=['projects.dcfm'], allow_failed_imports=False)

outputs = {'logits': 1.0, 'logits_2': 1.0, 'logits_3': 1.0, 'logits_4': 1.0}
model = dict(
    type='GroupSegmentor',
    data_preprocessor=dict(type='SalDataPreprocessor'),
    backbone=dict(type='VGG16', trainable=('conv5_3',), weights='imagenet'),
    matcher=dict(type='DemocraticPrototype', channels=512, rectify='eval', ties='sum', stretch_epsilon=1e-12),
    neck=dict(type='DemocraticEnhancement', channels=512, alpha=3),
    head=dict(type='LateralPyramidHead', in_channels=(64, 128, 256, 512, 512), width=64),
    restore_from='probability',
    restore_align_corners=True,
    extra_passes=dict(masked=dict(type='MaskedMatcherPass', empty='keep')),
    losses=dict(
        iou=dict(type='MaskIoULoss', background=True, on=outputs),
        scl=dict(type='SelfContrastiveLoss', weight=0.1),
    ),
    postprocess=dict(grey=dict(type='TruncateToGrey')),
)
# 200 epochs of 65 groups, one group a step.
train_cfg = dict(type='PositionTrainLoop', max_iters=13000)
randomness = dict(seed=123)
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='GroupedOptimWrapperConstructor',
    optimizer=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99), weight_decay=1e-4),
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.1)}),
)
default_hooks = dict(
    checkpoint=dict(interval=650, max_keep_ckpts=2),
    # A step then takes three quarters of the time on a CPU. A GPU gains nothing.
    channels_last=dict(type='ChannelsLastHook', devices=('cpu',)),
)
