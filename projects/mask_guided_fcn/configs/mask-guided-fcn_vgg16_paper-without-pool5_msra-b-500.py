_base_ = './mask-guided-fcn_vgg16_paper_msra-b-500.py'
# Table 1, -P5: the second branch is not masked, the branch stays (our reading). Header and text disagree on which
# column.
model = dict(backbone=dict(mask_pool5=False))
