_base_ = './xmem_r50_masks_davis17-480.py'
# Stage 0: three deformed views of still images, single objects, so that no other mask is seen.
needs_start = None
model = dict(others=False, references=2, losses=dict(ce=dict(start=20000, end=70000)))
static_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadLabels'),
    dict(type='RandomAffine', scale=(0.8, 1.5), per='clip'),
    dict(type='RandomFlip', probability=0.5),
    dict(type='RandomPhotometric', brightness=0.1, contrast=0.05, saturation=0.05),
    dict(type='RandomGrey', probability=0.05),
    # Until here the three views are one image.
    dict(type='RepeatFrame', length=3),
    dict(type='RandomAffine', rotation=20, scale=(0.9, 1.1), shear=10, per='frame'),
    dict(type='ResizeShorterSide', length=384),
    dict(type='RandomCrop', size=384, per='frame'),
    dict(type='RandomPhotometric', brightness=0.1, contrast=0.05, saturation=0.05, per='frame'),
    dict(type='RandomThinPlate', points=12, sigma=0.02, probability=0.33, per='frame'),
    dict(type='SelectObjects', max_objects=1),
    dict(type='FirstFramePrompt'),
    dict(type='PackFrames'),
]
# 37,372 draws in an epoch: all of DUTS (TR and TE), ECSSD and FSS-1000 once, BIG and HRSOD five times.
static = [dict(type='SaliencyDataset', data_root=f'data/{name}') for name in ('DUTS', 'ECSSD', 'FSS-1000')]
large = [dict(type='SaliencyDataset', data_root=f'data/{name}') for name in ('BIG', 'HRSOD')]
train_dataloader = dict(
    batch_size=16,
    dataset=dict(_delete_=True, type='ConcatDataset', datasets=[*static, *large * 5], pipeline=static_pipeline),
)
train_cfg = dict(max_iters=150000)
param_scheduler = []
