"""Overrides that make any config small: few steps and items, images of 64 pixels, thin layers, nothing downloaded."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torchvision.models import resnet50, vgg16

from salseg.apis.stages import Stage
from salseg.engine.config import load_config

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
DATA = (*LOADERS, 'generate_pipeline')
IMAGE = 64
# Layers that hold most of a published network's weights; steps over weights, and files of them, are what takes time.
THIN = {
    'XMem': {'model.value_channels': 64, 'model.decoder_channels': 32},
    'NPMCANet': {'model.backbone.depth': 18, 'model.matched_channels': 32, 'model.decoder_channels': 32},
    'MaskGuidedSegmentor': {'model.head.width': 32},
}


def shrink(config: Config, steps: int = 1, files: Path = Path('shrunk')) -> list[str]:
    """Texts for ``--cfg-options``: nothing of what a config reads, optimises or computes changes but its size and length.

    Args:
        config: It stays as it is.
        steps: Of a training.
        files: Folder for the files that options name.
    """
    options: dict[str, Any] = short_lists(config, files.resolve())
    if (config.get('model') or {}).get('learner', {}).get('backbone', {}).get('weights') == 'imagenet':
        # It rightly refuses features without weights.
        options['model.learner.backbone.weights'] = drawn_weights(files.resolve())
    for path, node in _nodes(config.to_dict()):
        # Names of files that a test has not; weights from a package stay.
        if node.get('weights') == 'imagenet' and f'{path}.weights' not in options:
            options[f'{path}.weights'] = None
            if node.get('type') == 'ResNet' and node.get('depth') == 50 and f'{path}.depth' not in _thin(config):
                # With a random start every residual block would add to the scale, and decoders that multiply maps overflow.
                options[f'{path}.weights'] = drawn_resnet(files.resolve())
        if path.split('.')[0] in DATA:
            options.update(_data(path, node))
    if config.get('train_cfg'):
        options['train_cfg.max_iters'] = steps
    if config.get('default_hooks', {}).get('checkpoint'):
        options['default_hooks.checkpoint.interval'] = 1
    options.update({f'{loader}.num_workers': 0 for loader in LOADERS if config.get(loader)})
    return [f'{key}={value}' for key, value in (options | _thin(config)).items()]


def chain_options(stages: Sequence[Stage], steps: int = 1, files: Path = Path('shrunk')) -> list[str]:
    """The same for ``salseg train --stages``: each text with the name of its stage."""
    trained = [stage for stage in stages if stage.precompute != 'pseudo-labels']
    return [f'{stage.name}.{text}' for stage in trained for text in shrink(load_config(stage.model), steps, files)]


def short_lists(config: Config, files: Path) -> dict[str, Path]:
    """The repository's lists cut to their first two videos, which the miniatures hold with several kept labels."""
    found = {}
    for path, node in _nodes(config.to_dict()):
        lines = Path(node.get('list_file') or '')
        if lines.is_absolute() and not path.startswith('train'):
            short = files / lines.name
            files.mkdir(exist_ok=True)
            short.write_text('\n'.join(lines.read_text(encoding='utf-8').split()[:2]))
            found[f'{path}.list_file'] = short
    return found


def drawn_weights(files: Path) -> Path:
    """VGG-16 with drawn weights, in the form of the file that torchvision publishes, without its classifier."""
    path = files / 'vgg16.pth'
    if not path.exists():
        files.mkdir(exist_ok=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            features = vgg16(weights=None, init_weights=False).features
        torch.save({f'features.{key}': value for key, value in features.state_dict().items()}, path)
    return path


def drawn_resnet(files: Path) -> Path:
    """ResNet-50 with drawn weights, in the form of torchvision's file; each residual block begins as the identity."""
    path = files / 'resnet50.pth'
    if not path.exists():
        files.mkdir(exist_ok=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            state = resnet50(weights=None, zero_init_residual=True).state_dict()
        torch.save(state, path)
    return path


def _thin(config: Config) -> dict[str, Any]:
    model = config.get('model') or {}
    # A lite model is small already.
    small = 'Lite' in str(model.get('backbone', ''))
    options = {} if small else THIN.get(model.get('type', ''), {})
    options = {**options, **_narrow_encoder(model)}
    if (model.get('shorter_side') or 0) > IMAGE:
        options['model.shorter_side'] = IMAGE
    if len(config.get('model', {}).get('scales', ())) > 2:
        options = {**options, 'model.scales': '(1.0,)'}
    return options


def _narrow_encoder(model: Mapping[str, Any]) -> dict[str, Any]:
    """ResNet-18 in place of a deeper one below an ASPP, whose levels have a quarter of the channels."""
    encoder, head = model.get('backbone') or {}, model.get('head') or {}
    if encoder.get('type') != 'Encoder' or (encoder.get('backbone') or {}).get('type') != 'ResNet':
        return {}
    before = 'model.backbone'
    found = {f'{before}.backbone.depth': 18, f'{before}.backbone.weights': None, f'{before}.neck.in_channels': 512}
    if head.get('type') == 'RefinementHead':
        *fine, coarse = head['in_channels']
        found['model.head.in_channels'] = f'({",".join(str(width // 4) for width in fine)},{coarse})'
    if (model.get('matcher') or {}).get('low_channels'):
        found['model.matcher.low_channels'] = low = model['matcher']['low_channels'] // 4
        found['model.head.in_channels'] = f'({head["in_channels"][0]},{low},{head["in_channels"][2]})'
    return found


def _data(path: str, node: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(node.get('type'))
    found: dict[str, Any] = {}
    if path in LOADERS and node.get('batch_size', 1) > 2:
        found[f'{path}.batch_size'] = 2
    if kind.startswith('Synthetic'):
        found |= {f'{path}.{key}': value for key, value in dict(length=2, size=48).items() if key in node}
    elif kind == 'AlternatingBatchSampler':
        found[f'{path}.sizes'] = '(2,2)'
    elif kind == 'SampleClip' and node.get('length', 0) > 3:
        found[f'{path}.length'] = 3
    if kind == 'CompositeClips' or ('pipeline.' in path and ('Resize' in kind or 'Crop' in kind) and 'size' in node):
        found[f'{path}.size'] = f'({IMAGE},{IMAGE})' if isinstance(node['size'], list | tuple) else IMAGE
    if kind == 'ResizeShorterSide':
        found[f'{path}.length'] = IMAGE
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
