# The recipe of scwssod-lite with this project's neck and loss.
_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/datasets/synthetic_scribbles_128.py',
    '../../../configs/_base_/schedules/adamw_triangle.py',
]
custom_imports = dict(imports=['projects.example_project'])

outputs = {'logits': 1.0, 'logits_3': 0.8, 'logits_4': 0.6, 'logits_5': 0.4}
model = dict(
    type='SaliencySegmentor',
    input_type='image',
    data_preprocessor=dict(type='SalDataPreprocessor', mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0)),
    backbone=dict(type='EfficientNetLite0', out_indices=(1, 2, 3, 4), weights='package'),
    neck=dict(type='ChannelScaleNeck', in_channels=(24, 40, 112, 320), width=48),
    head=dict(type='MultiLevelSaliencyHead', in_channels=48),
    # Short runs would lose the pretrained batch statistics.
    norm_eval='backbone',
    extra_passes=dict(rescaled=dict(type='RescaledPass', scale=0.5, learn_statistics=False)),
    losses=dict(
        pce=dict(type='PartialCrossEntropyLoss', form='paper', on=outputs),
        lsc=dict(
            type='LocalSaliencyCoherenceLoss', scale=0.5, sigma_image=0.2, weight=0.15, ramp_iterations=200, on=outputs
        ),
        ssc=dict(type='StructureConsistencyLoss', alpha=0.85),
        variation=dict(type='TotalVariationLoss', weight=0.1),
    ),
)
train_cfg = dict(max_iters=600)
optim_wrapper = dict(
    optimizer=dict(lr=2e-3),
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.15)}),
)
default_hooks = dict(checkpoint=dict(interval=200, max_keep_ckpts=1))
