_base_ = './mask-guided-fcn_vgg16_paper_msra-b-500.py'
# The loss and the learning rate as printed: the squared error summed over pixels and images.
model = dict(losses=dict(error=dict(reduction='sum')))
optim_wrapper = dict(optimizer=dict(lr=1e-10, weight_decay=5e-4))
