_base_ = './xmem_r50_masks_davis17-480.py'
# Long-Time Video at its own size; for the videos played three times set model.memory.mem_every=10.
model = dict(shorter_side=None)
test_dataloader = dict(
    dataset=dict(data_root='data/LongTimeVideo', layout='long_time', list_file=None, name='LongTime')
)
test_evaluator = dict(protocol='vos')
