# rcrnet-lite on a folder of your own: image/, mask/, train.txt, test.txt. Give it by --cfg-options
# train_dataloader.dataset.data_root=DIR test_dataloader.dataset.data_root=DIR
_base_ = './rcrnet_lite0_synthetic-160.py'
train = dict(type='SaliencyDataset', data_root='data/own', list_file='train.txt', pipeline={{_base_.train_pipeline}})
test = dict(type='SaliencyDataset', data_root='data/own', list_file='test.txt', pipeline={{_base_.test_pipeline}})
train_dataloader = dict(dataset=dict(_delete_=True, **train))
test_dataloader = dict(batch_size=1, dataset=dict(_delete_=True, **test))
