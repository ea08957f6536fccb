_base_ = './npmca-net_r50_paper_davis17.py'
# The other form of the IoU loss; the same for binary truth.
model = dict(losses=dict(iou=dict(form='product')))
