# Training on clips of DAVIS 2017 and YouTube-VOS as in XMem's released code, stage 3: no rotation and shear after 100,000
# iterations. Goes with schedules/adamw_step_110k.py.
batch = 8
draws = 100000 * batch
curriculum = ((0, 5), (0.1, 10), (0.3, 15), (0.9, 5))
train_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadLabels'),
    dict(type='RandomFlip', probability=0.5),
    dict(type='RandomResizedCrop', size=384, area=(0.36, 1.0)),
    dict(type='RandomPhotometric', brightness=0.1, contrast=0.03, saturation=0.03),
    dict(type='RandomGrey', probability=0.05),
    dict(type='RandomAffine', rotation=15, shear=10, per='frame', until=draws),
    dict(type='RandomPhotometric', brightness=0.01, contrast=0.01, saturation=0.01, per='frame'),
    # After all that can move an object out of the frame; without any left, the clip is drawn again.
    dict(type='SelectObjects', max_objects=3),
    dict(type='FirstFramePrompt'),
    dict(type='PackFrames'),
]
sample = dict(type='SampleClip', length=8, gaps=curriculum, total_draws=draws)
davis = dict(
    type='ObjectVideos',
    data_root='data/DAVIS-2017',
    layout='folders',
    list_file='ImageSets/train.txt',
    encoding='index',
)
youtube = dict(
    type='ObjectVideos',
    data_root='data/YouTube-VOS/train_480p',
    layout='youtube_vos',
    list_file='train.txt',
    encoding='index',
    min_frames=8,
)
train_dataloader = dict(
    batch_size=batch,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    batch_sampler=dict(type='ResumableBatchSampler'),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(min_frames=8, repeats=5, pipeline=[sample, *train_pipeline], **davis),
            # Annotated in every fifth frame, so gaps are a fifth.
            dict(pipeline=[dict(divisor=5, **sample), *train_pipeline], **youtube),
        ],
    ),
)
