"""Any config of the repository as a run of seconds on whatever data it reads: small images, thin layers, one step.

What a data set reads, and how, is never changed: `given` names it, and a test compares it before and after. This module
is copied alone beside an installed copy, so it imports nothing from the tests.
"""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.runner import TestLoop
from torch.utils.data import Sampler

from salseg.cli import main as salseg
from salseg.datasets.base import SetDataset
from salseg.datasets.guidance import COMMAND, image_digest, write_mask
from salseg.datasets.synthetic import write_dataset
from salseg.io.record import RunRecord, write_record
from salseg.registry import DATA_SAMPLERS, DATASETS, LOOPS

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
IMAGE = 64
TRACKERS = ('NPMCANet', 'XMem')
# Where a data set lies and how it is read: what a user has to rely on.
GIVEN = (
    *('type', 'data_root', '*_folder', 'label_*', 'list_file', 'groups', 'layout*', 'videos', 'encoding', 'gaps'),
    'prompt',
)
# Annotated frames that a protocol needs when it leaves out the first and the last.
ANNOTATED = 3
FRAMES = 8


@DATA_SAMPLERS.register_module()
class FirstItems(Sampler[int]):
    """The first image or group of each data set, the first clips or frames of its first video."""

    def __init__(self, dataset: SetDataset, seed: int | None = None) -> None:
        self.indices: list[int] = []
        start = 0
        for part in _parts(dataset):
            self.indices += range(start, start + _enough(part))
            start += len(part)

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)

    def __len__(self) -> int:
        return len(self.indices)


@LOOPS.register_module()
class FirstItemsLoop(TestLoop):
    """mmengine's loop, whose evaluator is told how many items the sampler gives."""

    def run(self) -> dict:
        """Test."""
        evaluate = self.evaluator.evaluate
        self.evaluator.evaluate = lambda _: evaluate(len(self.dataloader.sampler))
        return super().run()


def _parts(dataset: SetDataset) -> Iterator[SetDataset]:
    if hasattr(dataset, 'datasets'):
        for part in dataset.datasets:
            yield from _parts(part)
    else:
        yield dataset


def _enough(dataset: SetDataset) -> int:
    """Items of the first video, as many as a metric needs; one of the other sets."""
    if hasattr(dataset, 'video_lengths'):
        length = dataset.video_lengths[0]
        known = [index for index in range(length) if dataset.describe(index)['annotation']][:ANNOTATED]
        # Of sparse annotations, too, some must be left without the first and the last.
        return min(length, max(FRAMES, known[-1] + 1 if len(known) == ANNOTATED else 0))
    if dataset.input_type != 'clip':
        return 1
    items, annotated, first = 0, 0, dataset.describe(0)['set_id']
    for found in map(dataset.describe, range(len(dataset))):
        if found['set_id'] != first or annotated >= ANNOTATED:
            break
        items += 1
        annotated += sum(path is not None for path in found['label_paths'])
    return items


def data_sets(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Place in a config and the node of every data set, those inside others and those to be labelled too."""
    for path, node in _nodes(config):
        kind = node.get('type')
        if isinstance(kind, str) and path.split('.')[0] in (*LOADERS, 'pseudo_label_datasets') and kind in DATASETS:
            yield path, node


def given(config: Config) -> dict[str, Any]:
    """By place in the config, what it says of where its data lie and how they are read."""
    return {
        f'{path}.{key}': value
        for path, node in data_sets(config._cfg_dict)
        for key, value in node.items()
        if any(fnmatch(key, pattern) for pattern in GIVEN)
    }


def make_tiny(config: Config, size: int = IMAGE) -> Config:
    """Change sizes, widths, lengths of runs and starting weights of a config in place."""
    for path, node in list(_nodes(config._cfg_dict)):
        if node.get('weights') in ('imagenet', 'timm') or str(node.get('weights', '')).endswith('.pth'):
            node['weights'] = None
        if node.get('width') == 4096:
            node['width'] = 64
        if node.get('depth') == 101:
            node['depth'] = 50
        if path.split('.')[0] in (*LOADERS, 'generate_pipeline'):
            _shrink(path, node, config.model.type in TRACKERS, size)
    for name in LOADERS:
        if config.get(name):
            config[name].num_workers = 0
            config[name].persistent_workers = False
    _first_items(config)
    _narrow(config.model)
    if config.get('train_cfg'):
        config.train_cfg.max_iters = 1
        config.train_cfg.val_interval = 10
    config.default_hooks.checkpoint = None
    # A stage of its own: what the one before left is no part of this run.
    config.load_from = None
    config.pop('needs_start', None)
    return config


def _first_items(config: Config) -> None:
    """Validation and test see a few items of each set."""
    for kind in ('val', 'test'):
        if config.get(f'{kind}_dataloader'):
            config[f'{kind}_dataloader'].sampler = dict(type='FirstItems')
        if config.get(f'{kind}_cfg'):
            config[f'{kind}_cfg'].type = 'FirstItemsLoop'


def _narrow(model: Any) -> None:
    """Most weights of these models lie in few layers, and steps over weights are what takes time."""
    if model.type == 'XMem':
        model.value_channels, model.decoder_channels = 64, 32
    parts = [(model.get(name) or {}).get('type') for name in ('neck', 'head')]
    if parts == ['ProgressiveAggregationNeck', 'MultiLevelSaliencyHead']:
        model.neck.width = model.head.in_channels = 32
    if len(model.get('scales', ())) > 2:
        model.scales = model.scales[-2:]
    if model.get('shorter_side'):
        model.shorter_side = IMAGE


def _shrink(path: str, node: Any, tracks: bool, size: int) -> None:
    kind = str(node.get('type'))
    if path in LOADERS:
        # Batch statistics of a single image would be of one number in places.
        node['batch_size'] = min(node.get('batch_size', 1), 1 if tracks else 2)
    if kind.startswith('Synthetic') or kind == 'CompositeClips':
        node |= {key: size for key in ('size',) if key in node}
    elif kind == 'AlternatingBatchSampler':
        node['sizes'] = tuple(min(size, 2) for size in node['sizes'])
    elif kind == 'SampleGroup':
        node['num_frames'] = 3
    elif kind == 'SampleClip':
        node['length'] = min(node['length'], 3)
    elif 'pipeline.' in path and 'size' in node:
        node['size'] = size
        node.pop('base', None)


def _nodes(node: Any, path: str = '') -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        if path:
            yield path, node
        for key, value in list(node.items()):
            yield from _nodes(value, f'{path}.{key}' if path else str(key))
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from _nodes(value, f'{path}.{index}')


def write_synthetic(base: Path) -> None:
    """What configs of synthetic videos read below ``data`` in a folder: the files of a page's command, fewer of them."""
    splits = dict(train=2, val=1)
    # At every 20th label a clip of the generator spans 41 frames.
    write_dataset('vsod', base / 'data/synthetic-vsod', splits=splits, size=IMAGE, length=41)


def write_pseudo_labels(config: Config, out: Path, work: Path, *options: str, model: Any = None) -> None:
    """Run ``salseg precompute pseudo-labels`` on a config with an untrained generator, its own or a smaller model."""
    work.mkdir(parents=True, exist_ok=True)
    if model is not None:
        # What it sees beside the images is the row's own.
        config.model = {**model, 'cue': config.model.cue}
    config.model.backbone.backbone.weights = None
    config = make_tiny(config, IMAGE // 2)
    config.dump(work / 'generator.py')
    words = ['precompute', 'pseudo-labels', str(work / 'generator.py'), '--out', str(out), '--random-weights']
    words += ['--device', 'cpu', *(['--cfg-options', *options] if options else [])]
    status = salseg(words)
    if status:
        raise RuntimeError(f'salseg {" ".join(words)}: status {status}')


def write_guidance(config: Mapping[str, Any]) -> None:
    """Masks of ones where a training set of a config reads guidance, with the record of ``salseg precompute guidance``."""
    for _, node in data_sets(config):
        folders = [Path(step['folder']) for step in node.get('pipeline', ()) if step['type'] == 'LoadGuidance']
        for folder in (folder for folder in folders if not folder.exists()):
            found = DATASETS.build({**node, 'pipeline': []})
            described = [found.describe(index) for index in range(len(found))]
            marks = {}
            for item in described:
                for frame, path in zip(item['frame_ids'], item['frame_paths']):
                    key = f'{item["set_id"]}/{frame}'
                    write_mask(folder / f'{key}.png', np.ones((2, 2)))
                    marks[key] = dict(image=image_digest(path), images=len(item['frame_ids']))
            write_record(folder, RunRecord(COMMAND, items=marks, state='done'))


def write_data(base: Path, generator: Config) -> None:
    """Below ``data`` in the present folder, ``base``, what the small systems read; ``generator`` is that of their labels."""
    write_synthetic(base)
    write_dataset('davis', base / 'archives/DAVIS', splits=dict(train=2, val=1), size=IMAGE, length=8)
    status = salseg(['convert', 'DAVIS-2017', str(base / 'archives/DAVIS'), '--root', str(base / 'data')])
    if status:
        raise RuntimeError(f'salseg convert DAVIS-2017: status {status}')
    write_pseudo_labels(generator, base / 'data/synthetic-vsod-pseudo', base / 'archives/generator')
