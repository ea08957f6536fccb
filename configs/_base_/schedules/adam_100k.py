# Adam at a constant, small rate over 100,000 iterations: fine-tuning on video objects.
train_cfg = dict(type='PositionTrainLoop', max_iters=100000)
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='GroupedOptimWrapperConstructor',
    optimizer=dict(type='Adam', lr=1e-6),
)
