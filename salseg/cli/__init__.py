"""The command line."""

from salseg.cli.main import main

__all__ = ['main']
