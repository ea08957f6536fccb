_base_ = '../../projects/contrastive_vsod/configs/contrastive-vsod_lite0_synthetic-160.py'
# The decoder of SCWSSOD, whose AGGM weighs low-level, high-level and global maps, between co-attention and head. It multiplies
# maps; self-attention is a product of three already and would overflow there, so it is left out.
neck = dict(type='ProgressiveAggregationNeck', in_channels=(16, 24, 128), width=32, attention='softmax')
model = dict(matcher=dict(self_attention=False), neck=neck, head=dict(in_channels=(32, 32, 32)))
