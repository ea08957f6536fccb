"""All contact with mmengine's loops, hooks, checkpoints and configs."""

from salseg.engine import hooks, loops, optim

__all__ = ['hooks', 'loops', 'optim']
