_base_ = '../../projects/dcfm/configs/dcfm_lite0_synthetic-groups-160.py'
# The contrastive loss of the video network on groups: it tells the shared object from all else in every member.
contrast = dict(type='ContrastiveLoss', positives=4, negatives=4, temperature=0.1, weight=0.1)
model = dict(
    extra_passes=dict(masked=None, embedding=dict(type='EmbeddingPass')), losses=dict(scl=None, contrast=contrast)
)
