_base_ = '../../projects/contrastive_vsod/configs/contrastive-vsod_lite0_synthetic-160.py'
# The decoder of SCWSSOD, whose AGGM weighs low-level, high-level and global maps, between the attentions and the head.
neck = dict(type='ProgressiveAggregationNeck', in_channels=(16, 24, 192), width=32, attention='softmax')
model = dict(neck=neck, head=dict(in_channels=(32, 32, 32)))
