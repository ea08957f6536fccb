_base_ = '../../projects/scwssod/configs/scwssod_lite0_paper_synthetic-128.py'
# A ConvNeXt of timm (3.7 M parameters) as the backbone of SCWSSOD; `salseg train` says where its weights come from.
convnext = dict(type='TimmBackbone', name='convnext_atto.d2_in1k', weights='timm')
widths = (40, 80, 160, 320)
follow = dict(mean='backbone', std='backbone')
model = dict(backbone=dict(_delete_=True, **convnext), neck=dict(in_channels=widths), data_preprocessor=follow)
