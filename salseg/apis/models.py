"""Models by name, ready to use."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from salseg.catalog import is_published_name, shipped_weights
from salseg.engine.checkpoint import chosen_checkpoint, load_file, load_weights, newest_checkpoint
from salseg.engine.config import check_sizes, is_run_folder, load_config
from salseg.engine.named_weights import find_checkpoint
from salseg.engine.starting import build_model, nearest_cause
from salseg.errors import ConfigError, missing_weights
from salseg.models import BaseSegmentor
from salseg.models.layers import fold_norms, for_inference


def init_model(
    name_or_config: str,
    checkpoint: str | None = None,
    device: str | torch.device | None = None,
    options: Mapping[str, Any] | list[str] | None = None,
    trained: bool = False,
    pretrained: bool = True,
    fold: bool = False,
    amp: bool = False,
) -> BaseSegmentor:
    """Build a model in evaluation mode.

    Args:
        name_or_config: Name (``list_models()``), config file, or folder of a run, of which the newest checkpoint is
            taken when none is named; or the name of published weights, 'xmem@official', which brings them.
        checkpoint: Weights to load, a file, the name of published ones, or the folder of a run for its best ones (the newest
            where it has not selected); they must fit exactly, and options of the model that such a file needs are set
            where ``options`` do not say otherwise. Without, a model whose weights come with the package takes those; of
            any other the backbone's pretrained weights are loaded as the config says and the rest is random, the same in
            every call: such a model refuses to predict.
        device: For example 'cuda:0'; the first GPU, else the CPU, by default.
        options: Overrides of the config.
        trained: Refuse a model without a checkpoint at once, before its backbone's weights are fetched for nothing.
        pretrained: False, as ``model.pretrained=False`` among the options, leaves all parts that the config would fill
            from files of pretrained weights random: to count or time a network, no file is needed.
        fold: Put batch norms into the convolutions before them: faster where maps are large, and equal up to rounding (1e-5),
            so results are no longer the same bits. For prediction only, see `salseg.models.layers.fold_norms`.
        amp: Predict in mixed precision: float16 on a GPU, bfloat16 on a CPU. About three times as fast on a CPU that
            multiplies bfloat16, slower on any other; maps differ by some grey levels.

    Returns:
        The model; ``model.cfg`` is its config, ``model.weights_source`` where its weights come from (None: nowhere).

    Raises:
        ConfigError, UnknownName: The config cannot be used.
        CheckpointError: The checkpoint is unsafe or of another model, or there is none and ``trained`` asks for one.
        WeightsError: The backbone's weights cannot be had, or published ones that are named are not here.
    """
    # As the user named them: what is written about results shall not depend on where the cache lies.
    source = checkpoint or (name_or_config if is_published_name(name_or_config) else None)
    name_or_config, checkpoint = find_checkpoint(name_or_config, checkpoint)
    if checkpoint is not None and Path(checkpoint).is_dir():
        source = checkpoint = chosen_checkpoint(checkpoint)
    elif checkpoint is None and is_run_folder(name_or_config):
        checkpoint = newest_checkpoint(name_or_config)
    elif checkpoint is None:
        shipped = shipped_weights(name_or_config)
        checkpoint = None if shipped is None else str(shipped)
    config = load_config(name_or_config, options, weights=checkpoint, pretrained=pretrained)
    if trained and checkpoint is None:
        raise missing_weights(name_or_config, 'what it answers')
    found = None if checkpoint is None else load_file(checkpoint)
    # What is random is the same in every call, so that a run without trained weights can be resumed; the caller's own
    # draws continue as if nothing had been drawn here.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build_model(config.model.to_dict(), None if found is None else found['state_dict'])
    if not isinstance(model, BaseSegmentor):
        raise ConfigError(f'model.type is {config.model.type}, which is no BaseSegmentor: it cannot predict or track.')
    if found is not None:
        cause = partial(nearest_cause, meta=found.get('meta'))
        load_weights(model, found['state_dict'], str(source or checkpoint), cause=cause)
    check_sizes(model, config, ('test_dataloader',))
    model.cfg = config
    try:
        model.to(device or ('cuda' if torch.cuda.is_available() else 'cpu'))
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f'the device {device} cannot be used: {str(error).splitlines()[0]}') from error
    model.eval()
    if fold:
        fold_norms(model)
    if amp:
        model.prediction_dtype = torch.float16 if next(model.parameters()).is_cuda else torch.bfloat16
    for_inference(model)
    return model
