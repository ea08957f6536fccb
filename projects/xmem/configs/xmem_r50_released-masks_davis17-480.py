_base_ = './xmem_r50_masks_davis17-480.py'
# The released code's bookkeeping of objects that come later.
model = dict(memory=dict(released=True))
