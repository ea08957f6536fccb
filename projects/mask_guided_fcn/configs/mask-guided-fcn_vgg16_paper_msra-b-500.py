# Mask-guided FCN of the CVPR 2019 paper. Nothing was released; numbers that the paper does not give are ours (README).
_base_ = ['../../../configs/_base_/default_runtime.py', '../../../configs/_base_/datasets/msra_b_500.py']
custom_imports = dict(imports=['projects.mask_guided_fcn'], allow_failed_imports=False)

model = dict(
    type='MaskGuidedSegmentor',
    data_preprocessor=dict(type='SalDataPreprocessor'),
    # Masks are learnt from the frames where a batch brings none: from the group in testing. Those of the training images,
    # each learnt from its image alone, are made once: learnt in every step they would take more time than the network.
    learner=dict(
        type='MaskLearner',
        backbone=dict(type='VGG16', out_indices=(4,), ceil_mode=True, weights='imagenet'),
        mode='robust',
    ),
    backbone=dict(type='TwoBranchVGG16', mask_pool3=True, mask_pool5=True, weights='imagenet'),
    head=dict(type='FCNHead', in_channels=512, width=4096, stride=32, kernel=7, dropout=0.5, weights='imagenet'),
    losses=dict(error=dict(type='SquaredErrorLoss', reduction='mean')),
    postprocess=dict(smoothing=dict(type='LabelSmoothing')),
)
# What `salseg precompute guidance mask-guided-fcn --out data/guidance/MSRA-B-500` writes.
guidance = dict(type='LoadGuidance', folder='data/guidance/MSRA-B-500')
train_pipeline = [*_base_.train_pipeline[:-1], guidance, _base_.train_pipeline[-1]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
train_cfg = dict(type='PositionTrainLoop', max_iters=12000)
# The paper's 1e-10 belongs to the error summed over 64 images of 500x500: 1e-10 * 64 * 250,000 for the mean. A step of decay is
# the rate times the decay, so that is divided by the same number: as it stands, weights would shrink to 0.38 in the training.
pixels = 64 * 500 * 500
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='GroupedOptimWrapperConstructor',
    optimizer=dict(type='SGD', lr=1e-10 * pixels, momentum=0.99, weight_decay=5e-4 / pixels),
)
default_hooks = dict(checkpoint=dict(interval=1000, max_keep_ckpts=2))
