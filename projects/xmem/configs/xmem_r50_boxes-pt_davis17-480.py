_base_ = './xmem_r50_boxes_davis17-480.py'
# Thesis tables 4.3 and 4.4, P+T: without the pairwise loss.
model = dict(losses=dict(pairwise=None))
# Both tables are tested with masks.
test_dataloader = dict(dataset=dict(prompt='mask'))
