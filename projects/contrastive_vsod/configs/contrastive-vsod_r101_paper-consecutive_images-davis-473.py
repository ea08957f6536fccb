_base_ = './contrastive-vsod_r101_paper_images-davis-473.py'
# Not in the paper: the eight frames of a clip are consecutive, so that samples come from a part of the video.
videos = dict(_base_.videos, clips='all', length=8, pipeline=_base_.train_pipeline)
train_dataloader = dict(dataset=dict(datasets=[videos, _base_.images]))
