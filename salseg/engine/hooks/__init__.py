"""Hooks."""

from salseg.engine.hooks.channels_last_hook import ChannelsLastHook
from salseg.engine.hooks.checkpoint_hook import CheckpointHook
from salseg.engine.hooks.ema_hook import EMAHook
from salseg.engine.hooks.position_seed_hook import PositionSeedHook
from salseg.engine.hooks.recompute_hook import RecomputeHook
from salseg.engine.hooks.save_labels_hook import SaveLabelsHook

__all__ = [
    'ChannelsLastHook',
    'CheckpointHook',
    'EMAHook',
    'PositionSeedHook',
    'RecomputeHook',
    'SaveLabelsHook',
]
