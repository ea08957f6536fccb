_base_ = '../../projects/scwssod/configs/scwssod_lite0_paper_synthetic-128.py'
# Multi-scale label smoothing of the mask-guided network behind SCWSSOD; a single image is smoothed by itself.
model = dict(postprocess=dict(smoothing=dict(type='LabelSmoothing', output='marginal')))
test_pipeline = [dict(type='LoadFrames', keep_original=True), *_base_.test_pipeline[1:]]
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
