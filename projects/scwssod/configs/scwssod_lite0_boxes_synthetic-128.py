_base_ = './scwssod_lite0_paper_synthetic-128.py'
# Boxes in the place of scribbles: projection and pairwise loss; what is outside the box is known to be background.
on = dict(logits=True, on=_base_.outputs)
pairwise = dict(type='PairwiseLoss', normalizer='pairs', ramp_iterations=200, **on)
model = dict(losses=dict(lsc=None, projection=dict(type='ProjectionLoss', reading='image', **on), pairwise=pairwise))
train_pipeline = [*_base_.train_pipeline[:-1], dict(type='MasksToBoxes'), _base_.train_pipeline[-1]]
train_dataloader = dict(dataset=dict(labels='mask', pipeline=train_pipeline))
