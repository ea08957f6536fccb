# DAVIS 2016, FBMS and VOS: <set>/JPEGImages/<video>, <set>/Annotations/<video>. Splits
# are those of the released code; d is the nominal distance between annotations in frames.
data_root = 'data/'
splits = '{{ fileDirname }}/../../splits/'
video_sets = [('DAVIS-2016', 'davis2016_train', 1), ('FBMS', 'fbms_train', 1), ('VOS', 'vos_train', 15)]
test_sets = [('DAVIS-2016', 'davis2016_val', 1), ('FBMS', 'fbms_test', 1), ('VOS', 'vos_test', 15)]
test_pipeline = [
    dict(type='LoadFrames'),
    dict(type='LoadGroundTruth'),
    dict(type='AntialiasedResize', size=448),
    dict(type='PackFrames'),
]
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            # Every frame goes through the network; clips='labelled' runs on annotated frames only, as the released
            # code.
            dict(
                type='VideoSaliencyDataset',
                data_root=data_root + name,
                list_file=f'{splits}{split}.txt',
                encoding='binary',
                clips='all',
                length=4,
                training=False,
                nominal_interval=interval,
                gaps='allow',
            )
            for name, split, interval in test_sets
        ],
        pipeline=test_pipeline,
    ),
)
# 'vsod' and 'davis16' leave out the first and the last annotated frame of each video, 'fbms' none; the paper does not say
# which frames it counts. For J and F maps become masks at 0.5 (the paper does not say how); other rules: salseg predict,
# binarise, evaluate.
test_evaluator = dict(
    type='VideoSaliencyMetric',
    protocol=['vsod', 'davis16', 'fbms'],
    columns=['max_f', 's_measure', 'J_mean', 'F_mean'],
)
test_cfg = dict(type='TestLoop')
