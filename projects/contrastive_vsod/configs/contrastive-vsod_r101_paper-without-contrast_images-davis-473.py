_base_ = './contrastive-vsod_r101_paper_images-davis-473.py'
# Ablation, row 4: both attentions, no contrastive loss.
model = dict(losses=dict(contrast=None))
