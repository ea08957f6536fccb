# SCWSSOD as chapter 4 of the thesis describes it; what it shares with the released code is listed in the README. How large the
# random crops are is not said: 288 of 320 is the crop of GCPANet, which the code is built on.
_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/datasets/duts_scribble_320.py',
    '../../../configs/_base_/schedules/sgd_triangle_26k.py',
    './_base_/scwssod_r50.py',
]
model = dict(losses=dict(lsc=dict(border='ignore')))
train_pipeline = [*_base_.train_pipeline[:-1], dict(type='RandomCrop', size=288), _base_.train_pipeline[-1]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
default_hooks = dict(checkpoint=dict(interval=660, save_begin=19800, max_keep_ckpts=11))
