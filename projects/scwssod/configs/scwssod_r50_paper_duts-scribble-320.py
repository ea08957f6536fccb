# SCWSSOD as chapter 4 of the thesis describes it. The released code differs in three ways: scwssod_r50_released_...py.
_base_ = ['../../../configs/_base_/default_runtime.py', './_base_/duts-scribble-320.py']

# Outputs fine to coarse and their weights (those of GCPANet).
outputs = {'logits': 1.0, 'logits_3': 0.8, 'logits_4': 0.6, 'logits_5': 0.4}
model = dict(
    type='SaliencySegmentor',
    data_preprocessor=dict(type='SalDataPreprocessor'),
    backbone=dict(type='ResNet', depth=50, weights='imagenet'),
    neck=dict(type='ProgressiveAggregationNeck', in_channels=(256, 512, 1024, 2048), width=256, attention=True),
    head=dict(type='MultiLevelSaliencyHead', in_channels=256),
    extra_passes=dict(rescaled=dict(type='RescaledPass', scale=0.3, align_corners=True)),
    losses=dict(
        pce=dict(type='PartialCrossEntropyLoss', form='paper', on=outputs),
        lsc=dict(type='LocalSaliencyCoherenceLoss', sigma_image=0.1, weight=0.3, on=outputs),
        ssc=dict(type='StructureConsistencyLoss', alpha=0.85),
    ),
)
# 40 epochs of 660 batches; the last batch of an epoch is small.
train_cfg = dict(type='PositionTrainLoop', max_iters=26400)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1e-2, momentum=0.9, nesterov=True, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.1)}),
)
param_scheduler = dict(type='TriangleLR', low_ratio=1e-3, offset=-1, by_epoch=False)
default_hooks = dict(checkpoint=dict(interval=660, save_begin=19800, max_keep_ckpts=11))
