_base_ = './contrastive-vsod_r101_paper_images-davis-473.py'
# Ablation, row 3: non-local self-attention.
model = dict(
    matcher=dict(co_attention=False),
    head=dict(in_channels=(64, 256, 512)),
    losses=dict(contrast=None),
)
