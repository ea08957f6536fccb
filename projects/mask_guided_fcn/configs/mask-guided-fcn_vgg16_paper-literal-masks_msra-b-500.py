_base_ = './mask-guided-fcn_vgg16_paper_msra-b-500.py'
# The mask learner as printed: features neither centred nor scaled. The threshold is absolute, so their size decides.
model = dict(learner=dict(mode='literal'))
# Other masks than those of the other rows: `salseg precompute guidance` with this config.
guidance = dict(type='LoadGuidance', folder='data/guidance/MSRA-B-500-literal')
train_pipeline = [*_base_.train_pipeline[:-2], guidance, _base_.train_pipeline[-1]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
