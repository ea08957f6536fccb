_base_ = './xmem_r50_masks_davis17-480.py'
# Thesis table 4.1, rows B: the same weights, prompted by the box around each first mask.
test_dataloader = dict(dataset=dict(prompt='box'))
