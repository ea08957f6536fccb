_base_ = './xmem_r50_masks_davis17-480.py'
# All frames are tracked, those that meta.json lists are written; the server has the other masks.
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
test_evaluator = []
