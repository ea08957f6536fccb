_base_ = './rcrnet-ner_r50_released_video-sets-1-5-448.py'
# Table 2, 0/2: every 2nd label, no pseudo-label, written by the generator with between=0.
labels = 'data/pseudo/0-2/'
names = ('DAVIS-2016', 'FBMS', 'VOS')
sets = [dict(type='VideoSaliencyDataset', data_root=labels + n, length=4, gaps='allow') for n in names]
train_dataloader = dict(dataset=dict(datasets=sets))
