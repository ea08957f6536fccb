_base_ = './mask-guided-fcn_vgg16_paper_msra-b-500.py'
# Table 1, column -R: no label smoothing.
model = dict(postprocess=dict(smoothing=None))
