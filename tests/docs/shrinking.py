"""Overrides that make any config small: one step, two items, images of 64 pixels, nothing downloaded."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
IMAGE = 64


def shrink(config: Config) -> list[str]:
    """Texts for ``--cfg-options``."""
    options: dict[str, Any] = {}
    for path, node in _nodes(config.to_dict()):
        # Names of files that a test has not; weights from a package stay.
        if node.get('weights') == 'imagenet':
            options[f'{path}.weights'] = None
        if path.split('.')[0] in LOADERS:
            options.update(_data(path, node))
    if config.get('train_cfg'):
        options['train_cfg.max_iters'] = 1
    if config.get('default_hooks', {}).get('checkpoint'):
        options['default_hooks.checkpoint.interval'] = 1
    options.update({f'{loader}.num_workers': 0 for loader in LOADERS if config.get(loader)})
    return [f'{key}={value}' for key, value in options.items()]


def _data(path: str, node: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(node.get('type'))
    found: dict[str, Any] = {}
    if path in LOADERS and node.get('batch_size', 1) > 2:
        found[f'{path}.batch_size'] = 2
    if kind.startswith('Synthetic'):
        found |= {f'{path}.{key}': value for key, value in dict(length=2, size=48).items() if key in node}
    if '.pipeline.' in path and ('Resize' in kind or 'Crop' in kind) and 'size' in node:
        found[f'{path}.size'] = IMAGE
    return found


def _nodes(node: Any, path: str = '') -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(node, Mapping):
        if path:
            yield path, node
        for key, value in node.items():
            yield from _nodes(value, f'{path}.{key}' if path else str(key))
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from _nodes(value, f'{path}.{index}')
