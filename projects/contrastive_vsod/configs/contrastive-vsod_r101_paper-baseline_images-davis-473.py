_base_ = './contrastive-vsod_r101_paper_images-davis-473.py'
# Ablation, row 1: encoder, context, a 1x1 convolution.
model = dict(
    matcher=dict(self_attention=False, co_attention=False),
    head=dict(in_channels=(64, 256, 256)),
    losses=dict(contrast=None),
)
