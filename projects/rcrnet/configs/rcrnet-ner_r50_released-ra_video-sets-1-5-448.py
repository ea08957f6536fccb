_base_ = './rcrnet-ner_r50_released_video-sets-1-5-448.py'
# Table 3, Ra: no temporal module.
model = dict(matcher=None)
