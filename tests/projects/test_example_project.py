import re
import shutil
import subprocess
import sys

import pytest
import torch

from tests.needs import ROOT, needs_project

needs_project('example_project')

from projects.example_project import ChannelScaleNeck, TotalVariationLoss

from salseg.structures import FrameTargets


def test_the_neck_brings_all_levels_to_one_width():
    levels = ChannelScaleNeck((3, 5), width=4)([torch.ones(2, 3, 8, 8), torch.ones(2, 5, 4, 4)])
    assert [tuple(level.shape) for level in levels] == [(2, 4, 8, 8), (2, 4, 4, 4)]


def test_the_loss_counts_steps_between_neighbours():
    output = torch.full((1, 1, 1, 2, 2), -100.0)
    output[..., 1] = 100.0
    assert TotalVariationLoss()(dict(logits=output), FrameTargets()) == pytest.approx(1.0)


def test_a_renamed_copy_works_and_changes_no_other_file(tmp_path):
    for name in ('salseg', 'configs', 'projects', 'tools'):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns('__pycache__'))
    target = tmp_path / 'projects' / 'my_paper'
    shutil.copytree(tmp_path / 'projects/example_project', target)
    for path in target.rglob('*'):
        if path.is_file():
            text = path.read_text().replace('example_project', 'my_paper').replace('Name: example', 'Name: mine')
            text = text.replace('ChannelScaleNeck', 'MyNeck').replace('TotalVariationLoss', 'MyLoss')
            path.write_text(text)
    listed = subprocess.run(
        [sys.executable, '-m', 'salseg', 'list'], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert re.search(r'^mine ', listed.stdout, re.MULTILINE)
    options = [
        'train_cfg.max_iters=1', 'train_dataloader.num_workers=0', 'train_dataloader.batch_size=2',
        'model.backbone.weights=None',
        'train_dataloader.dataset.size=64', 'train_dataloader.dataset.pipeline.2.size=64', 'default_hooks.logger.interval=1',
    ]  # fmt: skip
    command = [sys.executable, '-m', 'salseg', 'train', 'mine', '--work-dir', 'run', '--cfg-options', *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert 'loss_variation' in done.stdout + done.stderr
