# The small network on DAVIS 2017, for a CPU.
_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/datasets/davis17_val.py',
    '../../../configs/_base_/datasets/davis17_youtube_clips_384.py',
    '../../../configs/_base_/schedules/adamw_step_110k.py',
    './_base_/xmem_lite0.py',
]
custom_hooks = [dict(type='StepSeedHook'), dict(type='SaveLabelsHook')]
