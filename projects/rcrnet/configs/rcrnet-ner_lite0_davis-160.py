# rcrnet-ner-lite on videos of your own in the layout of DAVIS, all labels: JPEGImages/480p, Annotations/480p (object
# ids, or 0 and 255 with encoding='binary'), ImageSets/2016. load_from: a run of rcrnet-lite.
_base_ = './rcrnet-ner_lite0_synthetic-160.py'
own = dict(data_root='data/DAVIS', encoding='index')
train_dataloader = dict(dataset=dict(**own, list_file='ImageSets/2016/train.txt', clips='all'))
test_dataloader = dict(dataset=own)
