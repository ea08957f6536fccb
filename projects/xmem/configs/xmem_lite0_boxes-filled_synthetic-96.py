_base_ = './xmem_lite0_masks_synthetic-96.py'
# First stage of learning from boxes: filled boxes are taken for masks.
train_pipeline = [*_base_.train_pipeline[:-2], dict(type='MasksToBoxes', filled=True), _base_.train_pipeline[-1]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
