"""Hooks."""

from salseg.engine.hooks.activation_checkpointing_hook import ActivationCheckpointingHook
from salseg.engine.hooks.channels_last_hook import ChannelsLastHook
from salseg.engine.hooks.checkpoint_hook import AtomicCheckpointHook
from salseg.engine.hooks.ema_hook import ResumableEMAHook
from salseg.engine.hooks.save_labels_hook import SaveLabelsHook
from salseg.engine.hooks.step_seed_hook import StepSeedHook

__all__ = [
    'ChannelsLastHook',
    'AtomicCheckpointHook',
    'ResumableEMAHook',
    'StepSeedHook',
    'ActivationCheckpointingHook',
    'SaveLabelsHook',
]
