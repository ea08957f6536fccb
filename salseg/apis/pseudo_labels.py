"""Pseudo-labels of the data sets that a config names."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import torch

from salseg.apis.models import init_model
from salseg.engine.pseudo_labels import Style, generate_pseudo_labels
from salseg.errors import ConfigError
from salseg.io.record import RunRecord
from salseg.registry import DATASETS


def precompute_pseudo_labels(
    model: str,
    out: str | Path,
    checkpoint: str | None = None,
    options: Mapping[str, Any] | list[str] | None = None,
    device: str | torch.device | None = None,
    style: Style = 'smooth',
    images: Literal['link', 'copy', 'none'] = 'link',
    random_weights: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, RunRecord]:
    """Label what ``pseudo_label_datasets`` of a config lists and write it as data sets in the ordinary layout.

    With one data set the folder is ``out``, with several ``out/<name>``. An interrupted run is resumed when started again.

    Args:
        model: Name, config or run's folder. Any saliency model will do whose config lists data sets: clips='between'
            gives triplets to the generator, 'labelled' or 'all' give clips or (length=1) single frames to others.
        out: Folder.
        checkpoint: Weights.
        options: Overrides of the config, e.g. ``pseudo_label_datasets.0.between=7``.
        device: Where to run.
        style, images, random_weights: See `salseg.engine.pseudo_labels.generate_pseudo_labels`.
        progress: Called with the data set's name, videos done, videos in all.

    Returns:
        The record by name of the data set.

    Raises:
        ConfigError: The config lists no data set, or two of one name.
        CheckpointError, DataError: See `salseg.engine.pseudo_labels.generate_pseudo_labels`.
    """
    built = init_model(model, checkpoint, device, options, trained=not random_weights)
    specs = built.cfg.get('pseudo_label_datasets')
    if not specs:
        raise ConfigError(
            f'{model}: the config lists no data set to label. Add '
            "pseudo_label_datasets=[dict(type='VideoSaliencyDataset', "
            "data_root=..., clips='between' or 'all', ...)] and generate_pipeline, as projects/rcrnet/configs does."
        )
    shared = dict(pipeline=built.cfg.generate_pipeline) if 'generate_pipeline' in built.cfg else {}
    datasets = [DATASETS.build({**shared, **spec}) for spec in specs]
    names = [dataset.name for dataset in datasets]
    if len(set(names)) < len(names):
        raise ConfigError(
            f'{model}: pseudo_label_datasets has two data sets of one name ({", ".join(names)}); set name=...'
        )
    result = {}
    for dataset in datasets:
        report = None if progress is None else lambda done, total, name=dataset.name: progress(name, done, total)
        result[dataset.name] = generate_pseudo_labels(
            built,
            dataset,
            Path(out) if len(datasets) == 1 else Path(out) / dataset.name,
            model_name=model,
            style=style,
            images=images,
            random_weights=random_weights,
            progress=report,
        )
    return result
