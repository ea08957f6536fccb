# XMem as published, prompted by masks. Bookkeeping that the released code gets wrong is fixed here; the config with
# `released` in its name has it.
_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/datasets/davis17_val.py',
    '../../../configs/_base_/datasets/davis17_youtube_clips_384.py',
    '../../../configs/_base_/schedules/adamw_step_110k.py',
    './_base_/xmem_r50.py',
]
needs_start = 'projects/xmem/configs/xmem_r50_stage0-static_384.py'
custom_hooks = [dict(type='StepSeedHook'), dict(type='SaveLabelsHook')]
