# DAVIS 2017 val, frame by frame: the tree of the official zip. Answers are written as the server takes them.
data_root = 'data/DAVIS/2017/trainval'
test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadPrompt'),
    dict(type='LoadObjectMaps'),
    dict(type='PackVideoFrame'),
]
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='VideoSampler'),
    dataset=dict(
        type='PromptedVideos',
        data_root=data_root,
        layout='davis',
        list_file='ImageSets/2017/val.txt',
        name='DAVIS2017-val',
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type='VideoObjectMetric', protocol='davis17-semi')
test_cfg = dict(type='TestLoop')
