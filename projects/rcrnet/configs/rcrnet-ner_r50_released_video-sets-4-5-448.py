_base_ = './rcrnet-ner_r50_released_video-sets-1-5-448.py'
# Table 2, 4/5: 4 pseudo-labels per 5th label.
labels = 'data/pseudo/4-5/'
names = ('DAVIS-2016', 'FBMS', 'VOS')
sets = [dict(type='VideoSaliencyDataset', data_root=labels + n, length=4, gaps='allow') for n in names]
train_dataloader = dict(dataset=dict(datasets=sets))
