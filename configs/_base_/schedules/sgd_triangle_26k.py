# SGD over 26,400 iterations, 40 epochs of 660 batches, the rate up and down again; a tenth of it for the backbone.
# Checkpoints of the last epochs are kept.
train_cfg = dict(type='PositionTrainLoop', max_iters=26400)
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='GroupedOptimWrapperConstructor',
    optimizer=dict(type='SGD', lr=1e-2, momentum=0.9, nesterov=True, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.1)}),
)
param_scheduler = dict(type='TriangleLR', low_ratio=1e-3, offset=-1, by_epoch=False)
