_base_ = './rcrnet_lite0_synthetic-160.py'
# Boxes in the place of masks: projection and pairwise loss, and cross-entropy on what is outside the box.
on = dict(logits=True, on='logits', stride=2)
pairwise = dict(type='PairwiseLoss', normalizer='pairs', gamma=8.0, ramp_iterations=100, **on)
projection = dict(type='ProjectionLoss', form='released', reading='image', **on)
pce = dict(type='PartialCrossEntropyLoss', form='paper')
model = dict(losses=dict(bce=None, pce=pce, projection=projection, pairwise=pairwise))
train_pipeline = [*_base_.train_pipeline[:-1], dict(type='MasksToBoxes'), _base_.train_pipeline[-1]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
