_base_ = './contrastive-vsod_r101_paper_images-davis-473.py'
# Ablation, row 2: cross-level co-attention.
model = dict(
    matcher=dict(self_attention=False),
    head=dict(in_channels=(64, 256, 512)),
    losses=dict(contrast=None),
)
