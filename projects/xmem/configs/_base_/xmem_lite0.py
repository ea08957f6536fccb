# XMem for a CPU: EfficientNet-Lite0's ImageNet features and a quarter of the widths.
custom_imports = dict(imports=['projects.xmem'], allow_failed_imports=False)
backbone = dict(type='EfficientNetLite0', weights='package', output_scale=1 / 8)
model = dict(
    type='XMem',
    data_preprocessor=dict(type='SalDataPreprocessor', mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0)),
    key_backbone=dict(out_indices=(1, 2, 3), **backbone),
    value_backbone=dict(out_indices=(3,), **backbone),
    reader=dict(type='MemoryReader', top_k=30),
    memory=dict(mem_every=5, max_frames=10, min_frames=5, prototypes=128, max_long_term=10000),
    losses=dict(ce=dict(type='BootstrappedCrossEntropyLoss'), dice=dict(type='DiceLoss')),
    key_channels=32,
    value_channels=128,
    hidden_channels=32,
    decoder_channels=64,
    shorter_side=240,
)
