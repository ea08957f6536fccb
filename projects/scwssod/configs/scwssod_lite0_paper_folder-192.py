# scwssod-lite on a folder of your own: image/, scribble/ (0 unknown, 1 object, 2 background) and, to test, mask/.
# Give the folder by --cfg-options train_dataloader.dataset.data_root=DIR test_dataloader.dataset.data_root=DIR
_base_ = './scwssod_lite0_paper_synthetic-128.py'

train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadLabels'),
    dict(type='Resize', size=192),
    dict(type='RandomFlip', probability=0.5),
    dict(type='RandomPhotometric'),
    dict(type='PackFrames'),
]
# Tested a size larger than trained: better with every seed and recipe tried here.
test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadGroundTruth'),
    dict(type='Resize', size=224),
    dict(type='PackFrames'),
]
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='SaliencyDataset',
        data_root='data/own',
        label_folder='scribble',
        encoding='scribble',
        pipeline=train_pipeline,
    )
)
test_dataloader = dict(
    dataset=dict(
        _delete_=True, type='SaliencyDataset', data_root='data/own', label_folder='mask', pipeline=test_pipeline
    )
)
train_cfg = dict(max_iters=400)
model = dict(losses=dict(lsc=dict(weight=0.3, ramp_iterations=100)))
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.3)}))
