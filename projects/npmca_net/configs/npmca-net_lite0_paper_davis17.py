# The small network on DAVIS 2017, for a CPU.
_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/datasets/davis17_val.py',
    '../../../configs/_base_/datasets/davis17_clips_256x432.py',
    '../../../configs/_base_/schedules/adam_100k.py',
    './_base_/npmca-net_lite0.py',
]
custom_hooks = [dict(type='StepSeedHook'), dict(type='SaveLabelsHook')]
