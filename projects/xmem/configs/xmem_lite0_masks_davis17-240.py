_base_ = './xmem_r50_masks_davis17-480.py'
# For a CPU: EfficientNet-Lite0's ImageNet features and a quarter of the widths.
backbone = dict(type='EfficientNetLite0', weights='package', output_scale=1 / 8)
model = dict(
    data_preprocessor=dict(type='SalDataPreprocessor', mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0)),
    key_backbone=dict(_delete_=True, out_indices=(1, 2, 3), **backbone),
    value_backbone=dict(_delete_=True, out_indices=(3,), **backbone),
    key_channels=32,
    value_channels=128,
    hidden_channels=32,
    decoder_channels=64,
    shorter_side=240,
)
