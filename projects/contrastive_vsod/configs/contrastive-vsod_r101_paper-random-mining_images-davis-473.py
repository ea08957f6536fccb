_base_ = './contrastive-vsod_r101_paper_images-davis-473.py'
# Ablation, row 5: the contrastive loss on regions drawn at random.
model = dict(losses=dict(contrast=dict(mining='random')))
