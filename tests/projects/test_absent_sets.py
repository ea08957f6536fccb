"""A published config whose test sets are not all here: those that are get metrics, the others the row "not here"."""

import os
import re
import shutil
from pathlib import PurePosixPath

import pytest
import torch

from salseg.catalog import list_configs
from salseg.cli import main
from salseg.engine.config import load_config
from salseg.registry import MODELS
from tests.needs import ROOT
from tests.projects.release_tree import convert_releases, roots
from tests.projects.tiny_runs import data_sets, make_tiny


def sets_of_test(config):
    return [node for place, node in data_sets(config._cfg_dict) if place.startswith('test_') and 'data_root' in node]


# Projects and folders whose configs are tested on one set each.
ONE_SET = ('mixed', 'example_project', 'npmca_net', 'xmem')
# By project, in the catalogue's order; reading them all would keep the collection of tests waiting.
PATHS = {path.relative_to(ROOT).parts[1]: [] for path in list_configs()}
for path in list_configs():
    PATHS[path.relative_to(ROOT).parts[1]].append(path)


PROJECTS = [project for project in PATHS if project not in ONE_SET]


def test_several_projects_are_tested_on_several_sets():
    assert len(PROJECTS) > 3


@pytest.mark.parametrize('project', PROJECTS)
def test_an_absent_test_set_is_a_row_that_says_so_and_the_others_are_tested(project, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, 'fsync', lambda _: None)
    path = next(path for path in PATHS[project] if len(sets_of_test(load_config(str(path)))) > 1)
    config = load_config(str(path))
    config.train_dataloader = config.train_cfg = config.optim_wrapper = config.param_scheduler = None
    convert_releases(roots([config]))
    make_tiny(config).dump('tiny.py')
    torch.save(dict(state_dict=MODELS.build(config.model).state_dict()), 'weights.pth')
    absent, *here = sets_of_test(config)
    shutil.rmtree(absent.data_root)
    capsys.readouterr()

    assert main(['test', 'tiny.py', 'weights.pth']) == 0
    said = ''.join(capsys.readouterr())
    assert re.search(rf'\| {name(absent)} +\| not here ', said)
    assert all(re.search(rf'\| {name(node)} +\| +\d', said) for node in here)
    assert f'left out: test set {name(absent)}: {absent.data_root} is not there' in said

    for node in here:
        shutil.rmtree(node.data_root, ignore_errors=True)
    assert main(['test', 'tiny.py', 'weights.pth']) == 2
    said = capsys.readouterr().err
    assert all(f'{node.data_root} is not there' in said for node in (absent, *here))


def name(node):
    return node.get('name') or PurePosixPath(node.data_root).name
