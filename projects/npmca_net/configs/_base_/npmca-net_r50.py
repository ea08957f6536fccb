# The network of the thesis: three scales, soft masks, the union of all objects as background.
custom_imports = dict(imports=['projects.npmca_net'], allow_failed_imports=False)

model = dict(
    type='NPMCANet',
    backbone=dict(type='ResNet', depth=50, out_indices=(1, 2, 3), weights='imagenet'),
    matched_channels=256,
    decoder_channels=256,
    scales=(0.5, 0.75, 1.0),
    losses=dict(iou=dict(type='SoftIoULoss')),
)
