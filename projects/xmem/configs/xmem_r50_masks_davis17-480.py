# XMem as published, prompted by masks. Bookkeeping that the released code gets wrong is fixed here; the config with
# `released` in its name has it.
_base_ = ['../../../configs/_base_/default_runtime.py', './_base_/davis17-val.py', './_base_/clips-384.py']
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
custom_hooks = [dict(type='StepSeedHook'), dict(type='SaveLabelsHook')]
