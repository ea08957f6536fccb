_base_ = './mask-guided-fcn_vgg16_paper_msra-b-500.py'
# Not in the paper: both branches use the same convolutions, 134,268,737 parameters instead of 147,247,937.
model = dict(backbone=dict(share_branches=True))
