# Synthetic videos of 96 x 96 with two look-alike objects and a distractor, made while training; clips of three frames.
# Gaps widen and narrow again over 600 iterations of two clips.
batch = 2
train_pipeline = [
    dict(type='SampleClip', length=3, gaps=((0, 2), (0.3, 4), (0.9, 2)), total_draws=600 * batch),
    dict(type='LoadFrames'),
    dict(type='LoadLabels'),
    dict(type='RandomFlip', probability=0.5),
    dict(type='RandomAffine', rotation=10, shear=5, scale=(0.9, 1.1), per='clip'),
    dict(type='RandomPhotometric', brightness=0.1, contrast=0.1, saturation=0.1),
    dict(type='SelectObjects', max_objects=2),
    dict(type='FirstFramePrompt'),
    dict(type='PackFrames'),
]
train_dataloader = dict(
    batch_size=batch,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    batch_sampler=dict(type='ResumableBatchSampler'),
    dataset=dict(
        type='SyntheticObjectVideos',
        length=160,
        frames=16,
        size=96,
        options=dict(objects=2, look_alikes=True, distractors=1, occluders=0, leaving=False, max_step=4.0),
        pipeline=train_pipeline,
    ),
)
