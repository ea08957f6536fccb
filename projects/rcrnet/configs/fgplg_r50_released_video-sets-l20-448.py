_base_ = './fgplg_r50_released_video-sets-l5-448.py'
# Labels on every 20th annotation; the generator is trained for one interval.
from_sets = [('DAVIS-2016', 'davis2016_train', 1), ('FBMS', 'fbms_train', 1), ('VOS', 'vos_train', 15)]
shared = [
    dict(
        type='VideoSaliencyDataset',
        data_root=f'data/{n}',
        encoding='binary',
        nominal_interval=d,
        label_interval=20,
        gaps='allow',
        list_file='{{ fileDirname }}/../splits/' + s + '.txt',
    )
    for n, s, d in from_sets
]
train_dataloader = dict(dataset=dict(datasets=[dict(s, length=3) for s in shared]))
pseudo_label_datasets = [dict(s, clips='between', between=7, spacing='even') for s in shared]
