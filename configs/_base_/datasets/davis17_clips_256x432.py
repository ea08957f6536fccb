# Fine-tuning on DAVIS 2017 (stage 2): three frames in time, up to five skipped between two, one object of the first frame.
train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadLabels'),
    dict(type='RandomFlip', probability=0.5),
    # A crop, so that nothing is stretched; the thesis does not give its range of sizes.
    dict(type='RandomResizedCrop', size=(256, 432), area=(0.5, 1.0), aspect=(1, 1)),
    dict(type='SelectObjects', max_objects=1),
    dict(type='FirstFramePrompt'),
    dict(type='PackFrames'),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    batch_sampler=dict(type='ResumableBatchSampler'),
    dataset=dict(
        type='ObjectVideos',
        data_root='data/DAVIS-2017',
        layout='folders',
        list_file='ImageSets/train.txt',
        encoding='index',
        min_frames=3,
        pipeline=[dict(type='SampleClip', length=3, kind='forward', gaps=5, reverse=0.0), *train_pipeline],
    ),
)
