# What every run shares: logging, checkpoints, seeds. By iterations, so that a run can stop and resume anywhere.
default_scope = 'salseg'
randomness = dict(seed=0)
env_cfg = dict(cudnn_benchmark=False, mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0))
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    # Metrics of a validation at their step; there are no epochs.
    logger=dict(type='LoggerHook', interval=20, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='AtomicCheckpointHook', by_epoch=False, interval=1000, max_keep_ckpts=2),
    # Replaced by StepSeedHook; data sets are seeded by position.
    sampler_seed=None,
    runtime_info=dict(type='RuntimeInfoHook'),
)
custom_hooks = [dict(type='StepSeedHook')]
log_processor = dict(by_epoch=False)
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])
log_level = 'INFO'
load_from = None
resume = False
