# For models of a CPU's size: AdamW, the rate up and down again; 500 iterations unless a recipe sets `max_iters`.
train_cfg = dict(type='PositionTrainLoop', max_iters=500)
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='GroupedOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=1e-4),
)
param_scheduler = dict(type='TriangleLR', low_ratio=1e-2, offset=0, by_epoch=False)
