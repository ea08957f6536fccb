_base_ = './xmem_lite0_masks_real-128.py'
# The same videos with boxes in the place of masks: projection, pairwise and temporal loss, as in the other stable recipes.
colours = dict(gamma=8.0, stride=2, weight=0.1, ramp_iterations=50)
losses = dict(ce=None, dice=None, projection=dict(type='ProjectionLoss', form='released', stride=2))
losses['pairwise'] = dict(type='PairwiseLoss', normalizer='pairs', **colours)
model = dict(losses=dict(**losses, temporal=dict(type='TemporalLoss', detach=True, **colours)))
steps = [*_base_.train_pipeline[:-2], dict(type='MasksToBoxes'), _base_.train_pipeline[-1]]
train_dataloader = dict(dataset=dict(datasets=[{**part, 'pipeline': steps} for part in (_base_.videos, _base_.drawn)]))
