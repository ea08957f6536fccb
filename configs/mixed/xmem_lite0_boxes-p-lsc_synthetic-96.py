_base_ = '../../projects/xmem/configs/xmem_lite0_boxes-p_synthetic-96.py'
# Local saliency coherence in the place of the pairwise and temporal losses, for every object; at the pixels' own scale,
# since objects are small.
lsc = dict(type='LocalSaliencyCoherenceLoss', scale=0.5, sigma_image=0.2, weight=0.3, ramp_iterations=100)
model = dict(losses=dict(lsc=lsc))
