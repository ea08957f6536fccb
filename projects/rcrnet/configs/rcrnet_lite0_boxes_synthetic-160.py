_base_ = './rcrnet_lite0_synthetic-160.py'
# Boxes in the place of masks: projection and pairwise loss, and cross-entropy on what lies outside the box.
pairwise = dict(type='PairwiseLoss', normalizer='pairs', logits=True, on='logits', ramp_iterations=200)
projection = dict(type='ProjectionLoss', reading='image', logits=True, on='logits')
pce = dict(type='PartialCrossEntropyLoss', form='paper')
model = dict(losses=dict(bce=None, pce=pce, projection=projection, pairwise=pairwise))
train_pipeline = [*_base_.train_pipeline[:-1], dict(type='MasksToBoxes'), _base_.train_pipeline[-1]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
