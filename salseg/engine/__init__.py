"""All contact with mmengine's loops, hooks, checkpoints and configs."""

from salseg.engine import hooks, loops, optim_constructor, optim_wrapper, schedulers

__all__ = ['hooks', 'loops', 'optim_constructor', 'optim_wrapper', 'schedulers']
