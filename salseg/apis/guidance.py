"""Guidance masks, computed once and stored."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import is_main_process
from torch import nn

from salseg.apis.models import init_model
from salseg.datasets.guidance import COMMAND, image_digest, write_mask
from salseg.datasets.transforms import LoadGuidance, RandomFrameTransform
from salseg.engine.sharding import own_shard, united
from salseg.errors import ConfigError
from salseg.io.files import make_folder
from salseg.io.record import DELETE, FILE_NAME, RunRecord, Weights, begin, write_record
from salseg.models import BaseSegmentor
from salseg.ops.fingerprint import weights_fingerprint
from salseg.registry import DATASETS, TRANSFORMS


def precompute_guidance(
    model: str,
    out: str | Path,
    split: str = 'train',
    checkpoint: str | None = None,
    device: str | None = None,
    options: Any = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Learn the masks of all sets of a data set and write them as 16-bit PNG files, with a record of how.

    Each item of the data set is a set of its own: a whole group, or a single image. What is there already and was
    made by the same learner from the same images stays. In a distributed run every set is taken by one process.

    Args:
        model: Name, config or run's folder of a model with a learner.
        out: Folder; masks go to ``<out>/<set>/<frame>.png``.
        split: 'train', 'val' or 'test', whose data set and images' size are used.
        checkpoint: Weights of the model; by default the learner's own pretrained ones.
        device: Where to run.
        options: Overrides of the config.
        progress: Called with sets done and in all.

    Returns:
        The record's file.

    Raises:
        ConfigError: The model has no learner, or the config no such data set.
        CheckpointError: The learner's network has no weights.
        DataError: The folder holds masks of another learner.
    """
    network = init_model(model, checkpoint, device, options)
    learner, loader = getattr(network, 'learner', None), network.cfg.get(f'{split}_dataloader')
    if learner is None or loader is None:
        lacking = 'model.learner' if learner is None else f'{split}_dataloader'
        raise ConfigError(f'{model} has no {lacking}, so there are no masks to learn.')
    learner.check_weights(network.weights_source is not None)
    config = without_chance(loader.dataset.to_dict())
    dataset = DATASETS.build(config)
    out = make_folder(out)
    wanted = describe(learner, network.cfg.model.learner, split, config, network.weights_source)
    record = begin(out, wanted, DELETE, shared=not is_main_process())
    shard = own_shard(range(len(dataset)))
    for number, index in enumerate(shard, 1):
        _one_set(network, learner, dataset.get(0, index), out, record)
        if progress is not None:
            progress(number, len(shard))
    record.items, record.state = united(record.items), 'done'
    _write_record(out, record)
    return out / FILE_NAME


def without_chance(node: Any) -> Any:
    """A data set's config without random transforms and without the masks that are still to be made."""
    if isinstance(node, dict):
        return {key: without_chance(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [without_chance(value) for value in node if not (isinstance(value, dict) and _left_out(value))]
    return node


def _left_out(step: dict[str, Any]) -> bool:
    kind = TRANSFORMS.find(str(step.get('type')))
    return kind is not None and issubclass(kind, RandomFrameTransform | LoadGuidance)


def describe(learner: nn.Module, config: Any, split: str, dataset: Any, source: str | None) -> RunRecord:
    """What the masks depend on besides the images."""
    resize = [dict(step) for step in dataset.get('pipeline', ()) if 'size' in step]
    settings = dict(learner=config, split=split, resize=resize)
    plain = json.loads(json.dumps(settings, default=repr))
    return RunRecord(COMMAND, plain, Weights(weights_fingerprint(learner), source or 'pretrained'))


def _one_set(network: BaseSegmentor, learner: nn.Module, item: dict[str, Any], out: Path, record: RunRecord) -> None:
    sample = item['data_samples']
    keys = [f'{sample.set_id}/{frame}' for frame in sample.frame_ids]
    marks = [dict(image=image_digest(path), images=len(keys)) for path in sample.frame_paths]
    if all(record.items.get(key) == mark and (out / f'{key}.png').is_file() for key, mark in zip(keys, marks)):
        return
    data = dict(inputs=[item['inputs']], data_samples=[sample])
    with torch.inference_mode():
        masks = learner(network.data_preprocessor(data, False)['inputs'].frames)[0]
    for key, mark, mask in zip(keys, marks, masks):
        write_mask(out / f'{key}.png', mask[0].float().cpu().numpy())
        record.items[key] = mark
    _write_record(out, record)


def _write_record(out: Path, record: RunRecord) -> None:
    if is_main_process():
        write_record(out, record)
