# XMem as published: ResNet-50 for keys, ResNet-18 for values.
custom_imports = dict(imports=['projects.xmem'], allow_failed_imports=False)
model = dict(
    type='XMem',
    key_backbone=dict(type='ResNet', depth=50, out_indices=(1, 2, 3), weights='imagenet'),
    value_backbone=dict(type='ResNet', depth=18, out_indices=(3,), weights='imagenet'),
    reader=dict(type='MemoryReader', top_k=30),
    memory=dict(mem_every=5, max_frames=10, min_frames=5, prototypes=128, max_long_term=10000),
    losses=dict(ce=dict(type='BootstrappedCrossEntropyLoss'), dice=dict(type='DiceLoss')),
    shorter_side=480,
)
