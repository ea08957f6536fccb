# rcrnet-ner-lite on DAVIS 2016, or videos of your own laid out like it, all labels: JPEGImages, Annotations (0 and 255; of
# object ids encoding='union' makes one object), ImageSets. load_from: a run of rcrnet-lite.
_base_ = './rcrnet-ner_lite0_synthetic-160.py'
own = dict(data_root='data/DAVIS-2016', encoding='binary')
train_dataloader = dict(dataset=dict(**own, list_file='ImageSets/train.txt', clips='all'))
test_dataloader = dict(dataset=dict(**own, list_file='ImageSets/val.txt'))
