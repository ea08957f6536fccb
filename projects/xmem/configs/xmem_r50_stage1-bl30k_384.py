_base_ = './xmem_r50_masks_davis17-480.py'
# Stage 1: rendered videos, no rotation and shear; 250,000 iterations, the largest gaps until 80 % of them.
draws = 250000 * 8
sample = dict(type='SampleClip', length=8, gaps=((0, 5), (0.1, 10), (0.3, 15), (0.8, 5)), total_draws=draws)
crop = dict(type='RandomResizedCrop', size=384, area=(0.25, 1.0))
steps = [crop if step['type'] == 'RandomResizedCrop' else step for step in _base_.train_pipeline]
pipeline = [step for step in steps if step['type'] != 'RandomAffine']
bl30k = dict(type='ObjectVideos', data_root='data/BL30K', layout='folders', encoding='index', min_frames=8)
train_dataloader = dict(dataset=dict(_delete_=True, pipeline=[sample, *pipeline], **bl30k))
train_cfg = dict(max_iters=250000)
param_scheduler = [dict(type='MultiStepLR', milestones=[200000], gamma=0.1, by_epoch=False)]
