_base_ = './rcrnet-ner_r50_released_video-sets-1-5-448.py'
# Table 3, Rc: non-local block and deeper bidirectional ConvGRU. That its tanh goes to the classifier as it is is our
# reading.
model = dict(matcher=dict(second=False))
