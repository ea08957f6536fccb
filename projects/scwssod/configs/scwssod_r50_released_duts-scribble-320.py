# What the released code computes: cross-entropy on probabilities, a colour bandwidth that shrinks tenfold from output to
# output, scribbles resized bilinearly and truncated, images resized as floats, maps stretched one by one.
_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/datasets/duts_scribble_320.py',
    '../../../configs/_base_/schedules/sgd_triangle_26k.py',
    './_base_/scwssod_r50.py',
]

model = dict(
    losses=dict(
        pce=dict(form='released'),
        lsc=dict(
            _delete_=True,
            type='LocalSaliencyCoherenceLoss',
            sigma_image={'logits': 0.1, 'logits_3': 0.01, 'logits_4': 0.001, 'logits_5': 0.0001},
            weight=0.3,
            on=_base_.outputs,
        ),
    ),
    postprocess=dict(stretch=dict(type='MinMaxNormalize')),
)
train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadLabels', one_sided='allow'),
    dict(type='Resize', size=320, exact=True, scribble_resize='released'),
    dict(type='RandomFlip', probability=0.5),
    dict(type='PackFrames'),
]
test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadGroundTruth'),
    dict(type='Resize', size=320, exact=True),
    dict(type='PackFrames'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
default_hooks = dict(checkpoint=dict(interval=660, save_begin=19800, max_keep_ckpts=11))
