_base_ = './xmem_lite0_masks_synthetic-96.py'
# Boxes in the place of masks; begins with weights of boxes-filled. With this bandwidth about half of the pairs count.
colours = dict(gamma=8.0, stride=2, weight=0.1, ramp_iterations=50)
losses = dict(ce=None, dice=None, projection=dict(type='ProjectionLoss', form='released', stride=2))
losses['pairwise'] = dict(type='PairwiseLoss', normalizer='pairs', **colours)
model = dict(losses=dict(**losses, temporal=dict(type='TemporalLoss', detach=True, **colours)))
train_pipeline = [*_base_.train_pipeline[:-2], dict(type='MasksToBoxes'), _base_.train_pipeline[-1]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
