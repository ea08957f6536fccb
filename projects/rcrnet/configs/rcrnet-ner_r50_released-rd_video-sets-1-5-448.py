_base_ = './rcrnet-ner_r50_released_video-sets-1-5-448.py'
# Table 3, Rd: plain ConvGRU between the blocks. That the convolution then reads the forward states alone is our
# reading.
model = dict(matcher=dict(recurrent='forward'))
