"""Any config of the repository as a run of seconds: small data in the real layouts, small images, thin layers, one step."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from salseg.datasets.synthetic import write_dataset

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
IMAGE = 64
TRACKERS = ('NPMCANet', 'XMem')
# Folders and lists of a release: the small data have others.
PLACES = ('image_folder', 'label_folder', 'label_root', 'list_file', 'groups', 'layout', 'layout_options', 'videos')


def write_data(folder: Path) -> Path:
    """A few images, groups and videos to train on, and below ``test`` as few as a measure can do with."""
    write_dataset('sod', folder / 'sod', splits=dict(train=3), size=IMAGE)
    write_dataset('cosod', folder / 'cosod', splits=dict(train=2), size=IMAGE, group_size=3)
    write_dataset('vsod', folder / 'vsod', splits=dict(train=2), size=IMAGE, length=11)
    write_dataset('davis', folder / 'davis', splits=dict(train=2), size=IMAGE, length=8)
    write_dataset('sod', folder / 'test/sod', splits=dict(train=1), size=IMAGE)
    write_dataset('cosod', folder / 'test/cosod', splits=dict(train=1), size=IMAGE, group_size=2)
    write_dataset('vsod', folder / 'test/vsod', splits=dict(train=1), size=IMAGE, length=3)
    write_dataset('davis', folder / 'test/davis', splits=dict(train=1), size=IMAGE, length=3)
    return folder


def make_tiny(config: Config, data: Path) -> Config:
    """Change a config in place."""
    for path, node in list(_nodes(config._cfg_dict)):
        if node.get('weights') in ('imagenet',) or str(node.get('weights', '')).endswith('.pth'):
            node['weights'] = None
        if node.get('width') == 4096:
            node['width'] = 64
        if node.get('depth') == 101:
            node['depth'] = 50
        if path.split('.')[0] in LOADERS:
            _shrink(path, node, data, config.model.type in TRACKERS)
    for name in LOADERS:
        if config.get(name):
            config[name].num_workers = 0
            config[name].persistent_workers = False
    _narrow(config.model)
    if len(config.model.get('scales', ())) > 2:
        config.model.scales = config.model.scales[-2:]
    if config.model.get('shorter_side'):
        config.model.shorter_side = IMAGE
    if config.get('train_cfg'):
        config.train_cfg.max_iters = 1
        config.train_cfg.val_interval = 10
    config.default_hooks.checkpoint = None
    config.load_from = None
    return config


def _narrow(model: Any) -> None:
    """Most weights of these models lie in few layers, and steps over weights are what takes time."""
    if model.type == 'XMem':
        model.value_channels, model.decoder_channels = 64, 32
    parts = [(model.get(name) or {}).get('type') for name in ('neck', 'head')]
    if parts == ['ProgressiveAggregationNeck', 'MultiLevelSaliencyHead']:
        model.neck.width = model.head.in_channels = 32


def _shrink(path: str, node: Any, data: Path, follows: bool) -> None:
    kind = str(node.get('type'))
    if path in LOADERS:
        # Batch statistics of a single image would be of one number in places.
        node['batch_size'] = min(node.get('batch_size', 1), 1 if follows else 2)
    if kind in _ROOTS:
        part = data if path.startswith('train') else data / 'test'
        _move(node, part / _ROOTS[kind](node), kind)
        # Several test sets read the same folder here, and metrics are told apart by name.
        node['name'] = path
    elif kind.startswith('Synthetic'):
        length = 2 if path.startswith('train') else 1
        node |= {key: value for key, value in dict(length=length, size=IMAGE).items() if key in node}
    elif kind == 'AlternatingBatchSampler':
        node['sizes'] = tuple(min(size, 2) for size in node['sizes'])
    elif kind == 'SampleGroup':
        node['num_frames'] = 3
    elif kind == 'SampleClip':
        node['length'] = min(node['length'], 3)
    elif kind == 'CompositeClips':
        node['size'] = IMAGE
    elif kind == 'ComputeFlow':
        node.pop('cache', None)
    elif '.pipeline.' in path and 'size' in node:
        node['size'] = IMAGE
        node.pop('base', None)


_ROOTS = {
    'SaliencyDataset': lambda node: 'sod',
    'GroupDataset': lambda node: 'cosod/train',
    'VideoSaliencyDataset': lambda node: 'davis' if node.get('encoding') == 'index' else 'vsod',
    'PromptedVideos': lambda node: 'davis',
    'ObjectVideos': lambda node: 'davis',
}


def _move(node: Any, root: Path, kind: str) -> None:
    """Let a data set read the small data."""
    if node.get('label_folder') == 'scribble' or node.get('encoding') == 'scribble':
        node['label_folder'] = 'scribble'
        kept = ('label_folder',)
    else:
        kept = ()
    for key in PLACES:
        if key not in kept:
            node.pop(key, None)
    node['data_root'] = str(root)
    if kind == 'SaliencyDataset' and node.get('encoding') == 'index':
        # The small images have masks; sets with ids are converted in tests/apis/converting.
        node['encoding'] = 'union'
    if 'length' in node:
        node['length'] = min(node['length'], 3)
    if 'label_interval' in node:
        node['label_interval'] = min(node['label_interval'], 5)
    if kind in ('PromptedVideos', 'ObjectVideos'):
        node['list_file'] = 'ImageSets/2017/train.txt'
        node['layout'] = 'davis'
        node['encoding'] = 'index'
        if node.get('min_frames'):
            node['min_frames'] = 4


def _nodes(node: Any, path: str = '') -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        if path:
            yield path, node
        for key, value in list(node.items()):
            yield from _nodes(value, f'{path}.{key}' if path else str(key))
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from _nodes(value, f'{path}.{index}')
