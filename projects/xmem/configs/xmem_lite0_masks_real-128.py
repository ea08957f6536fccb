_base_ = './xmem_lite0_masks_synthetic-96.py'
# Learned from a few real videos, in the tree of DAVIS, and synthetic ones; three frames of 128 x 128.
data_root = 'data/DAVIS/2017/trainval'
size = dict(type='RandomResizedCrop', size=128, area=(0.3, 1.0))
model = dict(shorter_side=144)
train_pipeline = [*_base_.train_pipeline[:4], size, *_base_.train_pipeline[4:]]
videos = dict(type='ObjectVideos', data_root=data_root, list_file='ImageSets/2017/train.txt', min_frames=3, repeats=20)
drawn = {**_base_.train_dataloader['dataset'], 'pipeline': train_pipeline}
drawn.pop('_delete_', None)
train_dataloader = dict(
    dataset=dict(_delete_=True, type='ConcatDataset', datasets=[dict(pipeline=train_pipeline, **videos), drawn])
)
