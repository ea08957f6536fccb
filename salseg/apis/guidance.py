"""Guidance masks, computed once and stored."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import is_main_process
from torch import nn

from salseg.apis.models import init_model
from salseg.datasets.guidance import RECORD, GuidanceRecord, checksum, read_record, write_mask
from salseg.datasets.transforms import LoadGuidance, RandomFrameTransform
from salseg.engine.sharding import own_shard, united
from salseg.errors import ConfigError, DataError
from salseg.io.files import make_folder, write_text
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
    record = _record(out, describe(learner, network.cfg.model.learner, split, config))
    shard = own_shard(range(len(dataset)))
    for number, index in enumerate(shard, 1):
        _one_set(network, learner, dataset.get(0, index), out, record)
        if progress is not None:
            progress(number, len(shard))
    record.frames = united(record.frames)
    _write_record(out, record)
    return out / RECORD


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


def describe(learner: nn.Module, config: Any, split: str, dataset: Any) -> dict[str, Any]:
    """What the masks depend on besides the images, as plain values."""
    digest = hashlib.sha256()
    for name, value in learner.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    resize = [dict(step) for step in dataset.get('pipeline', ()) if 'size' in step]
    return dict(learner=repr(config), weights=digest.hexdigest()[:16], split=split, resize=repr(resize))


def _record(out: Path, description: dict[str, Any]) -> GuidanceRecord:
    if not (out / RECORD).is_file():
        return GuidanceRecord(description)
    record = read_record(out)
    changed = [name for name, value in description.items() if record.learner.get(name) != value]
    if changed:
        raise DataError(
            f'{out} holds masks of another learner ({", ".join(changed)} differ): choose another folder, or delete it.'
        )
    return record


def _one_set(network: nn.Module, learner: nn.Module, item: dict[str, Any], out: Path, record: GuidanceRecord) -> None:
    sample = item['data_samples']
    keys = [f'{sample.set_id}/{frame}' for frame in sample.frame_ids]
    marks = [(checksum(path), len(keys)) for path in sample.frame_paths]
    if all(record.frames.get(key) == mark and (out / f'{key}.png').is_file() for key, mark in zip(keys, marks)):
        return
    data = dict(inputs=[item['inputs']], data_samples=[sample])
    with torch.inference_mode():
        masks = learner(network.data_preprocessor(data, False)['inputs'].frames)[0]
    for key, mark, mask in zip(keys, marks, masks):
        write_mask(out / f'{key}.png', mask[0].float().cpu().numpy())
        record.frames[key] = mark
    _write_record(out, record)


def _write_record(out: Path, record: GuidanceRecord) -> None:
    if is_main_process():
        write_text(out / RECORD, record.text())
