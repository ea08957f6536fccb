_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/datasets/davis17_val.py',
    '../../../configs/_base_/datasets/davis17_clips_256x432.py',
    '../../../configs/_base_/schedules/adam_100k.py',
    './_base_/npmca-net_r50.py',
]
custom_hooks = [dict(type='StepSeedHook'), dict(type='SaveLabelsHook')]
# Stage 1: objects of one set pasted on images of another, each with an affine map of its own in every frame. The objects of
# an image of VOC and COCO, which are ids there, are pasted together.
read = [dict(type='LoadFrames'), dict(type='LoadLabels')]
encodings = dict(MSRA10K='binary', ECSSD='binary', VOC2012='index', COCO='index')
sets = [
    dict(type='SaliencyDataset', data_root=f'data/{name}', encoding=encoding, pipeline=read)
    for name, encoding in encodings.items()
]
images = [
    dict(type='SaliencyDataset', data_root=f'data/{name}', encoding=None, pipeline=read[:1]) for name in encodings
]
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='CompositeClips',
        foregrounds=dict(type='ConcatDataset', datasets=sets),
        backgrounds=dict(type='ConcatDataset', datasets=images),
        frames=3,
        size=(256, 432),
        pipeline=[*read, dict(type='SelectObjects', max_objects=1), *_base_.train_pipeline[-2:]],
    )
)
optim_wrapper = dict(optimizer=dict(lr=1e-5))
