"""Train what a config says."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from mmengine.config import Config
from mmengine.dist import is_main_process

from salseg.catalog import is_published_name
from salseg.engine.checkpoint import has_checkpoint, newest_checkpoint
from salseg.engine.config import load_config, run_config_of
from salseg.engine.launch import init_processes
from salseg.engine.optim import fill_lengths
from salseg.engine.runner import SalRunner, device_line
from salseg.engine.scaling import fit_batch
from salseg.engine.sets import require_sets
from salseg.engine.starting import find_start, start_file
from salseg.errors import ConfigError
from salseg.io.files import make_folder, owning
from salseg.releases import Release

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def train(
    model: str,
    options: Mapping[str, Any] | list[str] | None = None,
    work_dir: str | None = None,
    resume: bool | str = False,
    amp: bool = False,
    launcher: str = 'none',
    releases: Sequence[Release] = (),
    from_scratch: bool = False,
    pretrained: bool = True,
    allow_changes: bool = False,
) -> SalRunner:
    """Train what a config says.

    Args:
        model: Name, config file or run's folder.
        options: Overrides of the config.
        work_dir: Folder of the run; ``work_dirs/<config>`` by default.
        resume: True continues from the newest checkpoint of the folder, a path from that one.
        amp: Mixed precision: float16 with scaling on a GPU, bfloat16 on a CPU.
        launcher: What started the processes.
        releases: What is known of published sets, for the messages about data that are not here.
        from_scratch: Allow a later stage (``needs_start`` in its config) to begin without the weights of the one before.
        pretrained: False starts at random what the config would fill from files of pretrained weights.
        allow_changes: Resume though config or data are not those that the run was begun with.

    Returns:
        The runner, after training.

    Raises:
        ConfigError: The config, the folder or the options cannot be used, or the stage lacks its start.
        DataError: A training or validation set is not here, or its first item cannot be read; another training runs in the
            folder.
        CheckpointError: There is nothing to resume from, it does not fit, or it is of another run.
        NotFinite: A loss, the gradients, or weights that are to be written are infinite or no numbers.
    """
    # Published weights that stand for the model are what a training starts from.
    base = model.partition('@')[0] if is_published_name(model) else model
    config = load_config(base, options, pretrained=pretrained)
    absent = [key for key in ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper') if not config.get(key)]
    if absent:
        raise ConfigError(
            f'{model} has no {absent[0]}, so nothing can be trained with it. Add it, or name a base with it.'
        )
    name = Path(model).stem if not Path(model).is_dir() else Path(model).name
    folder = work_dir or config.get('work_dir') or f'work_dirs/{name}'
    going_on = bool(resume) and (resume is not True or has_checkpoint(folder))
    if not going_on:
        find_start(config, model, from_scratch)
    start = config.get('load_from')
    # A checkpoint says itself what its run started from; that must be what is named again.
    begun_from = start_file(start) if going_on and start and Path(start).exists() else ''
    if going_on:
        start = newest_checkpoint(folder) if resume is True else str(resume)
    if start:
        # What the weights ask of the model counts below the options.
        config = load_config(base, options, weights=start, pretrained=pretrained)
        config.load_from = start
    # Before a folder is made, a weights file looked for, a model built: this is what most first runs end at.
    require_sets(config, model, releases)
    batch = prepare(config, folder, launcher, amp)
    fresh = resume is True and not going_on and is_begun(config.work_dir)
    if resume and not fresh:
        config.resume = True
        config.load_from = start if going_on else newest_checkpoint(config.work_dir)
    config.allow_changes, config.begun_from = allow_changes, begun_from
    with owning(config.work_dir) if is_main_process() else contextlib.nullcontext():
        runner = SalRunner.from_cfg(config)
        runner.logger.info(device_line())
        if batch:
            runner.logger.info(batch)
        if fresh:
            runner.logger.info('the run stopped before its first checkpoint: it starts again from the beginning')
        runner.train()
    return runner


def prepare(config: Config, work_dir: str, launcher: str, amp: bool) -> str:
    """Fill in what depends on the machine and the command line.

    Returns:
        What several processes make of the batch; empty for one.

    Raises:
        ConfigError: The folder cannot be made, or the config asks for mmengine's activation checkpointing, or the batch does
            not fit the number of processes.
    """
    if config.get('activation_checkpointing'):
        raise ConfigError(
            'activation_checkpointing gives no gradient to a part whose input has none, such as a backbone. Use '
            "default_hooks=dict(recompute=dict(type='ActivationCheckpointingHook', modules=('backbone',)))."
        )
    init_processes(launcher)
    config.work_dir = str(make_folder(work_dir))
    config.launcher = launcher
    config.setdefault('default_scope', 'salseg')
    config.setdefault('experiment_name', Path(work_dir).name)
    if dist.is_initialized() and not torch.cuda.is_available():
        # The stock wrapper would be told to use a GPU; broadcasting buffers every step only costs time here.
        config.model_wrapper_cfg = dict(type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False)
    if amp:
        config.optim_wrapper = {
            **config.optim_wrapper,
            'type': 'AutocastOptimWrapper',
            'dtype': 'float16' if torch.cuda.is_available() else 'bfloat16',
        }
    seed = config.setdefault('randomness', {}).get('seed')
    config.randomness['seed'] = 0 if seed is None else seed
    line = fit_batch(config, dist.get_world_size() if dist.is_initialized() else 1)
    fill_schedules(config)
    for key in _LOADERS:
        loader = config.get(key)
        if loader and not loader.get('num_workers', 0):
            # Torch refuses it without workers; --cfg-options ...num_workers=0 alone should do.
            loader['persistent_workers'] = False
        for dataset in _datasets(loader):
            dataset.setdefault('seed', config.randomness['seed'])
    return line


def fill_schedules(config: Config) -> None:
    """A schedule that names no length lasts as long as the training, so one key changes both."""
    # A length in epochs is known once the data are: see SalRunner.build_param_scheduler.
    fill_lengths(config.get('param_scheduler') or [], (config.get('train_cfg') or {}).get('max_iters'))


def _datasets(loader: Mapping[str, Any] | None) -> Iterator[Any]:
    """Configs of all data sets of a loader, inside a concatenation too."""
    nodes = [loader['dataset']] if loader else []
    for node in nodes:
        if 'datasets' in node:
            nodes.extend(node['datasets'])
        else:
            yield node


def is_begun(work_dir: str | Path) -> bool:
    """Whether a run was started in this folder: its config was written."""
    return run_config_of(work_dir) is not None
