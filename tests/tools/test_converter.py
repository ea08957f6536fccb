import subprocess
import sys

import torch

from tests.needs import ROOT, needs_project

needs_project('scwssod')

SCRIPT = 'tools/model_converters/convert_official.py'


def convert(*arguments):
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_file_that_is_no_checkpoint_of_the_system_is_refused(tmp_path):
    torch.save({'conv.weight': torch.zeros(1)}, tmp_path / 'other.pth')
    done = convert('scwssod', tmp_path / 'other.pth', tmp_path / 'ours.pth')
    assert done.returncode == 2
    assert 'conv.weight' in done.stderr
    assert not (tmp_path / 'ours.pth').exists()


def test_a_system_without_converter_lists_those_with_one(tmp_path):
    done = convert('example', tmp_path / 'x.pth', tmp_path / 'y.pth')
    assert done.returncode == 2
    assert 'scwssod' in done.stderr
