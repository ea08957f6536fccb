_base_ = '../../projects/rcrnet/configs/rcrnet-ner_lite0_synthetic-160.py'
# Scribble losses of SCWSSOD on clips, in place of masks and pseudo-labels; from ImageNet features, without stage 1.
needs_start = None
pce = dict(type='PartialCrossEntropyLoss')
lsc = dict(type='LocalSaliencyCoherenceLoss', scale=0.5, sigma_image=0.2, weight=0.15, ramp_iterations=40)
model = dict(losses=dict(bce=None, pce=pce, lsc=lsc))
train_pipeline = [*_base_.train_pipeline[:4], dict(type='MasksToScribbles'), *_base_.train_pipeline[4:]]
train_dataloader = dict(dataset=dict(data_root='data/synthetic-vsod', pipeline=train_pipeline))
