# DAVIS 2017 val, frame by frame. Answers are written as the server takes them.
data_root = 'data/DAVIS-2017'
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
        layout='folders',
        list_file='ImageSets/val.txt',
        encoding='index',
        name='DAVIS2017-val',
        pipeline=test_pipeline,
    ),
)
# Objects of the first frame; the first frame, which is given, and the last do not count.
test_evaluator = dict(type='VideoObjectMetric', protocol='davis17-semi', columns=['J_mean', 'F_mean', 'J&F'])
test_cfg = dict(type='TestLoop')
