_base_ = './contrastive-vsod_r101_paper_images-davis-473.py'
# The other reading of "first block": co-attention from the stem (64 channels, stride 2).
model = dict(matcher=dict(low_channels=64, low_level=0, low_stride=4))
