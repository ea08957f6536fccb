_base_ = './rcrnet-ner_r50_released_video-sets-1-5-448.py'
# Table 3, Rb: the first non-local block.
model = dict(matcher=dict(recurrent=None, second=False))
