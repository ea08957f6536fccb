_base_ = './xmem_r50_boxes_davis17-480.py'
# The losses as MaskFreeVIS' and BoxInst's released code has them, instead of the thesis' formulas.
losses = dict(
    projection=dict(form='released', reading='image'),
    pairwise=dict(normalizer='released'),
    temporal=dict(form='released', pairs='cyclic', detach=False, ramp_iterations=2000),
)
model = dict(losses=losses)
