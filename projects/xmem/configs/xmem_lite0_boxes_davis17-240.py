_base_ = './xmem_lite0_masks_davis17-240.py'
test_dataloader = dict(dataset=dict(prompt='box'))
