_base_ = './fgplg_r50_released_video-sets-l5-448.py'
# Table 4, Gc: the image and both neighbours' labels where they are; that these enter unwarped is our reading.
model = dict(cue='labels')
