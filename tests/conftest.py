"""One thread, no downloads, and a tiny run that many tests share."""

import os
import tempfile

os.environ.setdefault('OMP_NUM_THREADS', '1')
os.environ.setdefault('SALSEG_OFFLINE', '1')
# Whoever runs the tests may have weights of his own.
os.environ['SALSEG_CACHE'] = os.path.join(tempfile.gettempdir(), f'salseg-no-cache-{os.getpid()}')

import pytest
import torch

from tests.tiny import write_tiny_config

torch.set_num_threads(1)

# Files that take longest, in this order: started first, they leave no core idle at the end. Needs --no-loadscope-reorder.
LONGEST = (
    'tests/projects/test_every_config.py',
    'tests/docs/test_commands.py',
    'tests/projects/test_plugins.py',
    'tests/models/test_distributed.py',
    'tests/engine/test_resume.py',
    'tests/test_wheel.py',
    'tests/projects/test_distributed_steps.py',
    'tests/parity/test_dcfm.py',
    'tests/benchmarks/test_groups.py',
    'tests/benchmarks/test_clips.py',
    'tests/benchmarks/test_tracking.py',
    'tests/releases/test_converting.py',
)


def pytest_collection_modifyitems(items):
    """Long files first; the order within a file, and of the others, stays."""
    rank = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.nodeid.split('::')[0], len(rank)))


@pytest.fixture()
def tiny_config(tmp_path):
    """Path of a config of a tiny scribble-supervised model on synthetic images."""
    return write_tiny_config(tmp_path / 'tiny.py')
