# NPMCA-net as the thesis describes it: three scales, soft masks, the union of all objects as background.
_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/datasets/davis17_val.py',
    '../../../configs/_base_/datasets/davis17_clips_256x432.py',
    '../../../configs/_base_/schedules/adam_100k.py',
    './_base_/npmca-net_r50.py',
]
needs_start = 'projects/npmca_net/configs/npmca-net_r50_paper-stage1_static-256.py'
custom_hooks = [dict(type='StepSeedHook'), dict(type='SaveLabelsHook')]
