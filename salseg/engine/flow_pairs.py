"""Which pairs of frames the pipelines of a config read optical flow between."""

from collections.abc import Iterator, Mapping
from typing import Any

from salseg.datasets.transforms.cues import flow_pairs
from salseg.datasets.video_layout import Video
from salseg.errors import ConfigError
from salseg.registry import DATASETS

Pairs = set[tuple[int, int]]
_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def read_pairs(config: Mapping[str, Any], model: str) -> list[tuple[str, Video, Pairs]]:
    """All pairs that every `ComputeFlow` of a config gives, without reading a frame.

    A reversed clip has its pairs from the turned order. Nothing before `ComputeFlow` may choose frames by chance.

    Args:
        config: As `salseg.engine.config.load_config` gives it.
        model: Its name, for messages.

    Returns:
        Name of the data set, video, and numbers (first, second) of its frames; data sets of one name are one.

    Raises:
        ConfigError: No pipeline reads flow, a data set has no videos, two videos of one name in data sets of one name have
            other frames, or pairs are drawn by chance.
    """
    found: dict[tuple[str, str], tuple[Video, Pairs]] = {}
    for path, node in _datasets(config):
        steps = [dict(step) for step in node.get('pipeline', ())]
        kinds = [step.get('type') for step in steps]
        if 'ComputeFlow' not in kinds:
            continue
        # The data set says which frames are in a clip; its transforms, which read them, are not needed for that.
        dataset = DATASETS.build({**node, 'pipeline': []})
        if not hasattr(dataset, 'videos') or not hasattr(dataset, 'items'):
            raise ConfigError(f'{model}: {path} reads flow, but a {type(dataset).__name__} has no clips of videos.')
        place = kinds.index('ComputeFlow')
        turned = _turned(kinds[:place], f'{model}: {path}.pipeline')
        kind = steps[place].get('pairs', 'neighbours')
        for number, clip in dataset.items:
            video = dataset.videos[number]
            known, pairs = found.setdefault((dataset.name, video.name), (video, set()))
            if known.frames != video.frames:
                raise ConfigError(
                    f'{model}: two data sets called {dataset.name} have a video {video.name}, in {known.frames[0].parent} and '
                    f'{video.frames[0].parent}. Set name=... of one.'
                )
            pairs |= _of_clip(kind, clip, f'{dataset.name} / {video.name}')
            if turned:
                pairs |= _of_clip(kind, clip[::-1], f'{dataset.name} / {video.name}')
    if not found:
        raise ConfigError(f'{model}: no pipeline has ComputeFlow, so there is no flow to make.')
    return [(name, video, pairs) for (name, _), (video, pairs) in found.items() if pairs]


def _of_clip(kind: str, clip: list[int], where: str) -> Pairs:
    return {(clip[a], clip[b]) for a, b in flow_pairs(kind, len(clip), where) if a != b}


def _turned(before: list[Any], where: str) -> bool:
    """Whether clips come in both orders, after the transforms before `ComputeFlow`."""
    for name in before:
        if name in ('SampleClip', 'SampleGroup', 'RepeatFrame'):
            raise ConfigError(
                f'{where}: {name} stands before ComputeFlow, so which pairs are read is not known before. Compute the flow '
                'of all neighbours, salseg precompute flow DATASET, or on the fly.'
            )
    return 'RandomReverse' in before


def _datasets(config: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Config of every data set with the pipeline that it gets, and the key."""
    for loader in _LOADERS:
        if config.get(loader):
            yield from _parts(f'{loader}.dataset', dict(config[loader]['dataset']))
    shared = {'pipeline': config['generate_pipeline']} if 'generate_pipeline' in config else {}
    for number, node in enumerate(config.get('pseudo_label_datasets') or ()):
        yield from _parts(f'pseudo_label_datasets.{number}', {**shared, **node})


def _parts(path: str, node: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if 'datasets' not in node:
        yield path, node
        return
    shared = {'pipeline': node['pipeline']} if node.get('pipeline') else {}
    for number, part in enumerate(node['datasets']):
        yield from _parts(f'{path}.datasets.{number}', {**shared, **part})
