# XMem's stage 3: AdamW over 110,000 iterations, a tenth of the rate after 80,000.
total = 110000
train_cfg = dict(type='PositionTrainLoop', max_iters=total)
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='GroupedOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=1e-5, weight_decay=0.05),
)
param_scheduler = [dict(type='MultiStepLR', milestones=[80000], gamma=0.1, by_epoch=False)]
