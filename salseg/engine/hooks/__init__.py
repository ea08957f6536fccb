"""Hooks."""

from salseg.engine.hooks.checkpoint_hook import CheckpointHook
from salseg.engine.hooks.position_seed_hook import PositionSeedHook

__all__ = ['CheckpointHook', 'PositionSeedHook']
