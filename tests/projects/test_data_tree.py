"""Every config of groups and videos reads what `salseg convert` writes: ``data/<NAME>``, its encoding stated, gaps allowed."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import pytest

from salseg.apis.converting import CONVERTERS
from salseg.engine.config import load_config
from tests.needs import ROOT

CONFIGS = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob('projects/*/configs/*_r*.py'))
CONFIGS += sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob('projects/*/configs/*_vgg*.py'))
TYPES = ('GroupDataset', 'VideoSaliencyDataset', 'PromptedVideos', 'ObjectVideos')
# What a recipe makes itself.
MADE = ('pseudo', 'synthetic-vsod', 'own')
FOLDERS = ('image_folder', 'label_folder', 'label_root', 'groups', 'videos')


def sets(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, Mapping):
        if node.get('type') in TYPES and 'data_root' in node:
            yield node
        for value in node.values():
            yield from sets(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from sets(value)


@pytest.mark.parametrize('config', CONFIGS)
def test_a_config_reads_the_one_tree(config):
    loaded = load_config(config)
    found = [entry for part in ('train_dataloader', 'test_dataloader') for entry in sets(loaded.get(part) or {})]
    for entry in found:
        top, name, *split = PurePosixPath(entry['data_root']).parts
        assert top == 'data'
        if name in MADE:
            continue
        assert name in CONVERTERS, entry['data_root']
        assert split in ([], ['train_480p'], ['valid'], ['train'])
        assert not set(FOLDERS) & set(entry)
        assert 'encoding' in entry
        if entry['type'] == 'VideoSaliencyDataset' and name != 'DAVIS-2016':
            assert entry['gaps'] == 'allow'
        lists = entry.get('list_file')
        written = ('ImageSets/train.txt', 'ImageSets/val.txt', 'ImageSets/test.txt', 'train.txt')
        assert (
            lists is None or lists in written or (ROOT / 'projects/rcrnet/splits').samefile(PurePosixPath(lists).parent)
        ), lists
