_base_ = './xmem_lite0_masks_synthetic-96.py'
# The same videos with boxes in the place of masks: projection, pairwise and temporal loss.
ramp = dict(ramp_iterations=100)
losses = dict(ce=None, dice=None, projection=dict(type='ProjectionLoss'), pairwise=dict(type='PairwiseLoss', **ramp))
model = dict(losses=dict(**losses, temporal=dict(type='TemporalLoss', detach=True, **ramp)))
train_pipeline = [*_base_.train_pipeline[:-2], dict(type='MasksToBoxes'), _base_.train_pipeline[-1]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
