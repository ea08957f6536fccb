"""Names of published weights where a model or a checkpoint is expected, and what a file of weights asks of its model."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from salseg.catalog import PublishedWeights, find_published, is_published_name
from salseg.engine.checkpoint import load_file
from salseg.errors import CheckpointError, ConfigError, WeightsError
from salseg.io.weights_cache import read_facts, weights_folder, weights_path

# Dotted keys below model; a file may set numbers and words of its own network, no class and no other file.
_KEY = re.compile(r'model(\.\w+)+')
_REFUSED = ('type', 'weights')
_MOST = 32
_PLAIN = (bool, int, float, str, type(None))


def by_hand(weights: PublishedWeights) -> str:
    """Address, command and folder, for messages about weights that could not be fetched."""
    file = '' if weights.page == weights.address else f' ({weights.address})'
    return (
        f'By hand: save the file of {weights.page}{file} in a browser, then `salseg weights import {weights.name} FILE`. '
        f'Cache folder: {weights_folder()} (SALSEG_CACHE names another one).'
    )


def weights_file(name: str) -> Path:
    """The file of published weights, from the cache; nothing is downloaded.

    Raises:
        UnknownName: No published weights have that name.
        WeightsError: They are not here; the message says how to have them.
    """
    weights = find_published(name)
    path = weights_path(name)
    if not path.is_file():
        known = ', they were removed' if read_facts(name) is not None else ''
        raise WeightsError(
            f'the weights {name} are not here{known}. With a network: `salseg weights get {name}`. {by_hand(weights)}'
        )
    return path


def find_checkpoint(model: str, checkpoint: str | None) -> tuple[str, str | None]:
    """Model and file of weights that a user means, where either may be a name of published weights.

    Args:
        model: Name, config, folder of a run, or MODEL@LABEL, which brings its weights.
        checkpoint: File, MODEL@LABEL, or None.

    Returns:
        The model without a label, and the file; None where neither names one.

    Raises:
        ConfigError: Both name weights.
        UnknownName, WeightsError: See :func:`weights_file`.
    """
    named = is_published_name(model)
    if named and checkpoint is not None:
        raise ConfigError(
            f'{model} names weights, and so does {checkpoint}: write {model.partition("@")[0]} with the one, or {model} alone.'
        )
    if named:
        return model.partition('@')[0], str(weights_file(model))
    if checkpoint is not None and is_published_name(checkpoint) and not Path(checkpoint).exists():
        return model, str(weights_file(checkpoint))
    return model, checkpoint


def options_of_file(path: str | Path, kind: Any) -> dict[str, Any]:
    """Options of the model that a file of weights says it needs, by dotted key of a config.

    Converted files and checkpoints of runs that began with them hold such options; others hold none.

    Args:
        path: Checkpoint.
        kind: The model's ``type`` in the config; a file of another class asks nothing of it.

    Raises:
        CheckpointError: The file cannot be read, or asks for what no file may.
    """
    meta = load_file(path, mmap=True).get('meta')
    found = meta.get('model_options') if isinstance(meta, Mapping) else None
    if found is None or not isinstance(meta, Mapping) or meta.get('model_type') != kind:
        return {}
    if not isinstance(found, Mapping) or len(found) > _MOST or not all(_harmless(*item) for item in found.items()):
        raise CheckpointError(
            f'{path} asks for the model options {str(found)[:200]}; expected a few numbers or words below model. It was not '
            "written by salseg: convert the authors' file again (`salseg weights import`)."
        )
    return dict(found)


def _harmless(key: Any, value: Any) -> bool:
    good = isinstance(key, str) and _KEY.fullmatch(key) and key.rpartition('.')[2] not in _REFUSED
    return bool(good) and isinstance(value, _PLAIN)


def options_to_store(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint of a run says about its model: the options that its start needed, with the run's values."""
    keys = config.get('model_options') or []
    if not keys:
        return {}
    return {'model_type': config['model']['type'], 'model_options': {key: _value(config, key) for key in keys}}


def _value(config: Any, key: str) -> Any:
    for part in key.split('.'):
        config = config[part]
    return config
