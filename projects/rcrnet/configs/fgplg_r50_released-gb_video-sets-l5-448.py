_base_ = './fgplg_r50_released_video-sets-l5-448.py'
# Table 4, Gb: the image alone.
model = dict(cue='none')
