_base_ = './xmem_r50_masks_davis17-480.py'
# Long-Time Video at its own size; for the videos played three times set test_dataloader.dataset.data_root=data/LongTimeVideo/x3
# and model.memory.mem_every=10.
model = dict(shorter_side=None)
test_dataloader = dict(
    dataset=dict(data_root='data/LongTimeVideo', layout='long_time', list_file=None, name='LongTime')
)
# As the published copies are scored, with the code of DAVIS 2017: without the first and the last annotated frame. 'vos' counts
# every annotated frame after the given one.
test_evaluator = dict(protocol=['davis17-semi', 'vos'])
