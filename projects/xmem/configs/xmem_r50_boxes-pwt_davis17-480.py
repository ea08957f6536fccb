_base_ = './xmem_r50_boxes_davis17-480.py'
# Thesis tables 4.3 and 4.4, P+W+T, and table 4.1, M: the weights of xmem_r50_boxes_davis17-480.py, tested with masks.
test_dataloader = dict(dataset=dict(prompt='mask'))
