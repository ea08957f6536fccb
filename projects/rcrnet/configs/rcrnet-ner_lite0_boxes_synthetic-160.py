_base_ = './rcrnet-ner_lite0_synthetic-160.py'
# Boxes in the place of masks of every frame: projection, pairwise and temporal loss.
o = dict(logits=True, on='logits')
ramp = dict(ramp_iterations=100, **o)
temporal, pairwise = dict(type='TemporalLoss', **ramp), dict(type='PairwiseLoss', **ramp)
model = dict(losses=dict(bce=None, projection=dict(type='ProjectionLoss', **o), pairwise=pairwise, temporal=temporal))
train_pipeline = [*_base_.train_pipeline[:-1], dict(type='MasksToBoxes'), _base_.train_pipeline[-1]]
train_dataloader = dict(dataset=dict(data_root='data/synthetic-vsod', pipeline=train_pipeline))
