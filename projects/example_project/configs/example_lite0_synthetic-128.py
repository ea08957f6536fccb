# The recipe of scwssod-lite with this project's neck and loss.
_base_ = '../../scwssod/configs/scwssod_lite0_paper_synthetic-128.py'
custom_imports = dict(imports=['projects.example_project'])
model = dict(
    neck=dict(_delete_=True, type='ChannelScaleNeck', in_channels=(24, 40, 112, 320), width=48),
    losses=dict(variation=dict(type='TotalVariationLoss', weight=0.1)),
)
