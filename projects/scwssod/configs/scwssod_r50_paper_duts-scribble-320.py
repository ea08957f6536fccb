# SCWSSOD as chapter 4 of the thesis describes it. The released code differs in three ways: scwssod_r50_released_...py.
_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/datasets/duts_scribble_320.py',
    '../../../configs/_base_/schedules/sgd_triangle_26k.py',
    './_base_/scwssod_r50.py',
]
default_hooks = dict(checkpoint=dict(interval=660, save_begin=19800, max_keep_ckpts=11))
