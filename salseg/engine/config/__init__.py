"""Configs: load, check before anything is built, say who set what."""

from salseg.engine.config.check import check_config, check_sizes
from salseg.engine.config.loading import is_run_folder, load_config
from salseg.engine.config.origin import Origin, trace_origins

__all__ = ['Origin', 'check_config', 'check_sizes', 'is_run_folder', 'load_config', 'trace_origins']
