"""One curriculum and the same samples whatever the number of processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from salseg.datasets.sampling import ResumableBatchSampler, ResumableSampler
from salseg.registry import TRANSFORMS
from tests.needs import ROOT, needs_project
from tests.recipes.built import config, step, train_pipelines

needs_project('xmem')

PATH = 'projects/xmem/configs/xmem_r50_masks_davis17-480'
# 5 x 60 videos of DAVIS and 3,464 of YouTube-VOS.
VIDEOS = 3764


def draws(number, rank=0, world_size=1):
    """Draws of a process in a step of the config's batch size."""
    size = config(PATH).train_dataloader.batch_size
    batches = ResumableBatchSampler(ResumableSampler(range(VIDEOS), seed=0), size, rank=rank, world_size=world_size)
    batches.start = number
    return next(iter(batches))


@pytest.mark.parametrize(('number', 'gaps', 'rotates'), [
    (0, (5, 1), True), (9000, (5, 1), True), (12000, (10, 2), True), (45000, (15, 3), True), (89000, (15, 3), True),
    (92000, (5, 1), True), (101000, (5, 1), False), (109999, (5, 1), False),
])  # fmt: skip
def test_two_processes_see_the_samples_and_the_curriculum_of_one(number, gaps, rotates):
    whole = draws(number)
    assert len(whole) == 8
    assert [draw for rank in (0, 1) for draw in draws(number, rank, 2)] == whole
    assert [draw for rank in range(4) for draw in draws(number, rank, 4)] == whole
    # An epoch of 3,764 draws is 470 steps, in which draws are in random order.
    clips = step(PATH, 'SampleClip')
    assert all(tuple(clip.gap(draw) for clip in clips) == gaps for draw in whole)
    affine = [TRANSFORMS.build(dict(s)) for s in train_pipelines(PATH)[0] if s['type'] == 'RandomAffine']
    assert all((draw < affine[0].until) == rotates for draw in whole)


def test_curriculum_and_training_have_one_length():
    read = config(PATH)
    clip = step(PATH, 'SampleClip')[0]
    assert clip.total_draws == 100000 * read.train_dataloader.batch_size
    assert read.train_cfg.max_iters == 110000


@pytest.mark.slow()
@pytest.mark.skipif(not hasattr(os, 'fork'), reason='the helper forks its processes')
def test_gradients_of_two_processes_are_those_of_one_in_the_whole_training(tmp_path):
    """8 clips on one process and 4 on each of two, float64, frozen batch statistics: first, middle and last step."""
    steps = (0, 45000, 109999)
    command = [sys.executable, str(Path(__file__).with_name('step_gradients.py')), str(tmp_path), *map(str, steps)]
    env = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    largest = []
    for number in steps:
        one, two = (torch.load(tmp_path / f'{count}-{number}.pth', weights_only=True) for count in (1, 2))
        assert one.keys() == two.keys()
        whole = torch.cat([value.flatten() for value in one.values()])
        apart = torch.cat([two[name].flatten() for name in one]) - whole
        assert whole.dtype == torch.float64
        assert whole.norm() > 0
        largest.append(float(apart.norm() / whole.norm()))
    assert max(largest) < 1e-9, largest
