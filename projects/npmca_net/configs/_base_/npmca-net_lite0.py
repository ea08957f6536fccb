# NPMCA-net for a CPU: EfficientNet-Lite0's ImageNet features, a quarter of the widths, one scale, no union pass.
custom_imports = dict(imports=['projects.npmca_net'], allow_failed_imports=False)
model = dict(
    type='NPMCANet',
    data_preprocessor=dict(type='SalDataPreprocessor', mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0)),
    backbone=dict(type='EfficientNetLite0', out_indices=(1, 2, 3), weights='package'),
    matched_channels=64,
    # Inner products of these features let one position win everywhere.
    matching_similarity='cosine',
    matching_scale=10.0,
    decoder_channels=64,
    scales=(1.0,),
    background='product',
    losses=dict(iou=dict(type='SoftIoULoss')),
    shorter_side=240,
)
