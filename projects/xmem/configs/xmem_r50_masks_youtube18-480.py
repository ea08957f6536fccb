_base_ = './xmem_r50_masks_davis17-480.py'
# All frames are tracked, those that meta.json lists are written.
test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='PromptedVideos',
        data_root='data/YouTube-VOS/valid',
        layout='youtube_vos',
        encoding='index',
        layout_options=dict(all_frames='data/YouTube-VOS/all_frames/valid_all_frames/JPEGImages'),
        name='YouTubeVOS2018-val',
        pipeline=[
            dict(type='LoadFrames'),
            dict(type='LoadPrompt'),
            dict(type='LoadObjectMaps'),
            dict(type='PackVideoFrame'),
        ],
    )
)
# The labels of valid are with the server, and the table says so. For G of a split whose labels are all here set
# test_dataloader.dataset.data_root, test_dataloader.dataset.layout_options.all_frames=None and test_evaluator.meta.
test_evaluator = dict(
    protocol='ytvos',
    columns=['G', 'J_seen', 'F_seen', 'J_unseen', 'F_unseen'],
    meta='data/YouTube-VOS/valid/meta.json',
    seen='data/YouTube-VOS/train_480p/meta.json',
    withheld=True,
)
