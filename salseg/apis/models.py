"""Models by name, ready to use."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from salseg.catalog import shipped_weights
from salseg.engine.checkpoint import chosen_checkpoint, load_file, load_weights, newest_checkpoint
from salseg.engine.config import check_sizes, is_run_folder, load_config
from salseg.engine.starting import nearest_cause, without_pretrained
from salseg.errors import missing_weights
from salseg.models import BaseSegmentor
from salseg.registry import MODELS


def init_model(
    name_or_config: str,
    checkpoint: str | None = None,
    device: str | torch.device | None = None,
    options: Mapping[str, Any] | list[str] | None = None,
    trained: bool = False,
    pretrained: bool = True,
) -> BaseSegmentor:
    """Build a model in evaluation mode.

    Args:
        name_or_config: Name (``list_models()``), config file, or folder of a run; of a folder the newest checkpoint is
            taken when none is named.
        checkpoint: Weights to load; they must fit exactly. Of a folder of a run its best ones, or the newest where it has
            not selected. Without, a model whose weights come with the package takes
            those; of any other the backbone's pretrained weights are loaded as the config says and the rest is random, the
            same in every call: such a model refuses to predict.
        device: For example 'cuda:0'; the first GPU, else the CPU, by default.
        options: Overrides of the config.
        trained: Refuse a model without a checkpoint at once, before its backbone's weights are fetched for nothing.
        pretrained: False leaves all parts that the config would fill from files of pretrained weights random: to count or
            time a network, no file is needed.

    Returns:
        The model; ``model.cfg`` is its config, ``model.weights_source`` where its weights come from (None: nowhere).

    Raises:
        ConfigError, UnknownName: The config cannot be used.
        CheckpointError: The checkpoint is unsafe or of another model, or there is none and ``trained`` asks for one.
        WeightsError: The backbone's weights cannot be had.
    """
    config = load_config(name_or_config, options)
    if checkpoint is not None and Path(checkpoint).is_dir():
        checkpoint = chosen_checkpoint(checkpoint)
    elif checkpoint is None and is_run_folder(name_or_config):
        checkpoint = newest_checkpoint(name_or_config)
    elif checkpoint is None:
        shipped = shipped_weights(name_or_config)
        checkpoint = None if shipped is None else str(shipped)
    if trained and checkpoint is None:
        raise missing_weights(name_or_config, 'what it answers')
    spec = config.model.to_dict()
    if checkpoint is not None or not pretrained:
        spec = without_pretrained(spec)
    # What is random is the same in every call, so that a run without trained weights can be resumed; the caller's own
    # draws continue as if nothing had been drawn here.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = MODELS.build(spec)
    if checkpoint is not None:
        found = load_file(checkpoint)
        load_weights(model, found['state_dict'], str(checkpoint), cause=partial(nearest_cause, meta=found.get('meta')))
    check_sizes(model, config, ('test_dataloader',))
    model.cfg = config
    return model.to(device or ('cuda' if torch.cuda.is_available() else 'cpu')).eval()
