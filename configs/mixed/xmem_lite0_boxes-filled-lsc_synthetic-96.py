_base_ = '../../projects/xmem/configs/xmem_lite0_masks_synthetic-96.py'
# Local saliency coherence beside filled boxes taken for masks, for every object: it should trim boxes to what has one colour.
# Without the boxes' cross-entropy to hold it, the empty map would suit coherence best.
lsc = dict(type='LocalSaliencyCoherenceLoss', scale=0.5, sigma_image=0.2, weight=0.1)
model = dict(losses=dict(lsc=lsc))
train_pipeline = [*_base_.train_pipeline[:-2], dict(type='MasksToBoxes', filled=True), _base_.train_pipeline[-1]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
