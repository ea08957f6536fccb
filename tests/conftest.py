"""One thread, no downloads, and a tiny run that many tests share."""

import os

os.environ.setdefault('OMP_NUM_THREADS', '1')
os.environ.setdefault('SALSEG_OFFLINE', '1')

import pytest
import torch

from tests.tiny import write_tiny_config

torch.set_num_threads(1)


@pytest.fixture()
def tiny_config(tmp_path):
    """Path of a config of a tiny scribble-supervised model on synthetic images."""
    return write_tiny_config(tmp_path / 'tiny.py')
