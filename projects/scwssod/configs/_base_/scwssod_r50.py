# SCWSSOD on ResNet-50, with the losses as printed.
# Outputs fine to coarse and their weights (those of GCPANet).
outputs = {'logits': 1.0, 'logits_3': 0.8, 'logits_4': 0.6, 'logits_5': 0.4}
model = dict(
    type='SaliencySegmentor',
    input_type='image',
    data_preprocessor=dict(type='SalDataPreprocessor'),
    backbone=dict(type='ResNet', depth=50, weights='imagenet'),
    neck=dict(type='ProgressiveAggregationNeck', in_channels=(256, 512, 1024, 2048), width=256, attention=True),
    head=dict(type='MultiLevelSaliencyHead', in_channels=256),
    extra_passes=dict(rescaled=dict(type='RescaledPass', scale=0.3, align_corners=True)),
    losses=dict(
        pce=dict(type='PartialCrossEntropyLoss', form='paper', on=outputs),
        lsc=dict(type='LocalSaliencyCoherenceLoss', sigma_image=0.1, weight=0.3, on=outputs),
        ssc=dict(type='StructureConsistencyLoss', alpha=0.85),
    ),
)
