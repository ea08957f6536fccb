_base_ = './xmem_lite0_masks_real-128.py'
# The same videos with boxes in the place of masks: projection, pairwise and temporal loss.
ramp = dict(ramp_iterations=100)
losses = dict(ce=None, dice=None, projection=dict(type='ProjectionLoss'), pairwise=dict(type='PairwiseLoss', **ramp))
model = dict(losses=dict(**losses, temporal=dict(type='TemporalLoss', detach=True, **ramp)))
steps = [*_base_.train_pipeline[:-2], dict(type='MasksToBoxes'), _base_.train_pipeline[-1]]
sets = [{**part, 'pipeline': steps} for part in (_base_.videos, _base_.drawn)]
train_dataloader = dict(dataset=dict(datasets=sets))
