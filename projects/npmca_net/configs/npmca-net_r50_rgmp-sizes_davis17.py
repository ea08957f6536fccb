_base_ = './npmca-net_r50_paper_davis17.py'
# Padding as in RGMP's released code: always to the next multiple of 32.
model = dict(pad_mode='rgmp')
