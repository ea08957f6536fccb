_base_ = './scwssod_lite0_paper_synthetic-128.py'
# Boxes in the place of strokes: projection and pairwise loss; what lies outside the box is known to be background.
on = dict(logits=True, on=_base_.outputs, stride=2)
losses = dict(lsc=None, projection=dict(type='ProjectionLoss', form='released', reading='image', **on))
losses['pairwise'] = dict(type='PairwiseLoss', normalizer='pairs', gamma=8.0, ramp_iterations=100, **on)
model = dict(losses=losses)
train_pipeline = [*_base_.train_pipeline[:-1], dict(type='MasksToBoxes'), _base_.train_pipeline[-1]]
train_dataloader = dict(dataset=dict(labels='mask', pipeline=train_pipeline))
