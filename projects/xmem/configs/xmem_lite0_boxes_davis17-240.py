_base_ = './xmem_lite0_masks_davis17-240.py'
# For a CPU, prompted by the box around each first mask; for weights learned from boxes.
test_dataloader = dict(dataset=dict(prompt='box'))
