# For trackers of a CPU's size: AdamW over 600 iterations, a short warm-up, then a cosine.
total = 600
train_cfg = dict(type='PositionTrainLoop', max_iters=total)
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='GroupedOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01),
    clip_grad=dict(max_norm=5),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, begin=0, end=30),
    dict(type='CosineAnnealingLR', T_max=total, by_epoch=False, eta_min_ratio=0.02),
]
