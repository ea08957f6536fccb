_base_ = './xmem_r50_masks_davis17-480.py'
# Stage 2: as stage 3, 150,000 iterations and 10,000 more without rotation and shear.
needs_start = 'projects/xmem/configs/xmem_r50_stage1-bl30k_384.py'
draws = 150000 * 8
affine = dict(type='RandomAffine', rotation=15, shear=10, per='frame', until=draws)
steps = [affine if step['type'] == 'RandomAffine' else step for step in _base_.train_pipeline]
sample = dict(type='SampleClip', length=8, gaps=_base_.curriculum, total_draws=draws)
davis = dict(min_frames=8, repeats=5, pipeline=[sample, *steps], **_base_.davis)
youtube = dict(pipeline=[dict(divisor=5, **sample), *steps], **_base_.youtube)
train_dataloader = dict(dataset=dict(datasets=[davis, youtube]))
train_cfg = dict(max_iters=160000)
param_scheduler = [dict(type='MultiStepLR', milestones=[120000], gamma=0.1, by_epoch=False)]
