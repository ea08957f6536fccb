# Thesis table 4.1, B: learned from boxes, and tested with the box around each first mask; tables 4.3 and 4.4 are tested with
# masks, see boxes-pwt. Eight frames
# are resized to 384 x 384, not cropped; pairwise and temporal loss grow over 10,000 steps.
_base_ = [
    '../../../configs/_base_/default_runtime.py',
    '../../../configs/_base_/datasets/davis17_val.py',
    '../../../configs/_base_/datasets/davis17_youtube_clips_384.py',
    '../../../configs/_base_/schedules/adamw_step_110k.py',
    './_base_/xmem_r50.py',
]
custom_hooks = [dict(type='StepSeedHook'), dict(type='SaveLabelsHook')]
supervision = dict(type='MasksToBoxes')
resize = dict(type='Resize', size=384)
replaced = dict(RandomResizedCrop=resize, FirstFramePrompt=supervision)
steps = [replaced.get(step['type'], step) for step in _base_.train_pipeline]
davis = dict(min_frames=8, repeats=5, pipeline=[_base_.sample, *steps], **_base_.davis)
youtube = dict(pipeline=[dict(divisor=5, **_base_.sample), *steps], **_base_.youtube)
train_dataloader = dict(dataset=dict(datasets=[davis, youtube]))
losses = dict(
    ce=None,
    dice=None,
    projection=dict(type='ProjectionLoss'),
    pairwise=dict(type='PairwiseLoss', ramp_iterations=10000),
    temporal=dict(type='TemporalLoss', detach=True, ramp_iterations=10000),
)
model = dict(losses=losses)
test_dataloader = dict(dataset=dict(prompt='box'))
