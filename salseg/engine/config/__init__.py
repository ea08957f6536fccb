"""Configs: load, check before anything is built, say who set what."""

from salseg.engine.config.check import check_config, check_sizes
from salseg.engine.config.loading import load_config
from salseg.engine.config.origin import Origin, trace_origins
from salseg.engine.config.run_folder import is_run_folder, read_run_config, run_config_of, write_run_config

__all__ = [
    'Origin',
    'check_config',
    'check_sizes',
    'is_run_folder',
    'load_config',
    'read_run_config',
    'run_config_of',
    'trace_origins',
    'write_run_config',
]
