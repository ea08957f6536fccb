_base_ = './mask-guided-fcn_vgg16_paper_msra-b-500.py'
# The mask learner as printed: features neither centred nor scaled. The threshold is absolute, so their size decides.
model = dict(learner=dict(mode='literal'))
