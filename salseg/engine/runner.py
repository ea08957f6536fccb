"""mmengine's runner with exact state and safe files."""

import functools
import sys
from collections.abc import Callable, Mapping
from logging import FileHandler, LogRecord
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.logging import MMLogger
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.registry import RUNNERS
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.data import DataLoader

from salseg.engine import checkpoint as files
from salseg.engine.config import check_sizes, write_run_config
from salseg.engine.hooks import ChannelsLastHook, configured_hooks
from salseg.engine.identity import KEY, refuse_another_run, run_identity
from salseg.engine.named_weights import options_to_store
from salseg.engine.optim import check_step, fill_lengths, follow_length, schedule_differences
from salseg.engine.starting import build_model, nearest_cause
from salseg.errors import CheckpointError, DataError, NotFinite
from salseg.evaluation.parallel import end_with_parent
from salseg.io.files import replacing
from salseg.mmengine_compat.running import give_own_name, is_resuming, mark_loaded
from salseg.registry import HOOKS


@RUNNERS.register_module()
class SalRunner(Runner):
    """Runner whose checkpoints load with ``weights_only=True``, never half-written, and match the model exactly."""

    @classmethod
    def from_cfg(cls, cfg: Config) -> 'SalRunner':
        """mmengine's; the config's text, of which mmengine makes a new one for each checkpoint, is left without yapf's breaks.

        They cost a second each time, on large configs more than the step before it.
        """
        plain = Config(cfg.to_dict(), cfg.text, cfg.filename, cfg.env_variables, format_python_code=False)
        return super().from_cfg(plain)

    @property
    def bare_model(self) -> nn.Module:
        """The model without its distributed wrapper."""
        return self.model.module if is_model_wrapper(self.model) else self.model

    @functools.cached_property
    def identity(self) -> dict[str, Any]:
        """See `run_identity`; files are looked at once, as the run begins."""
        return run_identity(self.cfg, self.train_loop.dataloader.dataset)

    def setup_env(self, env_cfg: dict) -> None:
        """mmengine's; runs that begin in the same second of a process have different names."""
        super().setup_env(env_cfg)
        give_own_name(self)

    def build_model(self, model: Any) -> nn.Module:
        """mmengine's; no file of pretrained weights is read that the checkpoint to load overwrites."""
        start = self.cfg.get('load_from')
        if start and isinstance(model, Mapping):
            partial = bool(self.cfg.get('load_partial')) and not self.cfg.get('resume')
            state = files.load_file(start, mmap=True)['state_dict'] if partial else {}
            model = build_model(model, state, partial, start)
        elif isinstance(model, Mapping):
            model = build_model(model)
        built = super().build_model(model)
        check_sizes(built, self.cfg)
        return built

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """mmengine's; weights have the layout that a hook gives them before: gradients of several processes take it over."""
        for hook in configured_hooks(self.cfg, ChannelsLastHook).values():
            HOOKS.build(hook).lay_out(model.to(get_device()))
        return super().wrap_model(model_wrapper_cfg, model)

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """mmengine's logger, without mmengine's notices about file classes of its own, which nobody can act on.

        A log that cannot be written stops the run: its disk is full, and no checkpoint would fit either.
        """
        logger = super().build_logger(*args, **kwargs)
        if not_about_file_clients not in logger.filters:
            logger.addFilter(not_about_file_clients)
        for handler in logger.handlers:
            if isinstance(handler, FileHandler):
                vars(handler)['handleError'] = functools.partial(stop_at_lost_line, handler)
        return logger

    @staticmethod
    def build_dataloader(dataloader: Any, seed: int | None = None, diff_rank_seed: bool = False) -> DataLoader:
        """mmengine's; its workers end with the process that started them, also where that was killed.

        torch's own workers look for it every five seconds, and never while they wait for room in the queue of results.
        """
        loader = Runner.build_dataloader(dataloader, seed, diff_rank_seed)
        loader.worker_init_fn = functools.partial(start_worker, loader.worker_init_fn)
        return loader

    def dump_config(self) -> None:
        """Write the resolved config into the run's folder, to read as Python and, for its use as MODEL, as JSON."""
        super().dump_config()
        if is_main_process():
            write_run_config(self.cfg, self.work_dir)

    def build_optim_wrapper(self, optim_wrapper: Any) -> OptimWrapper | OptimWrapperDict:
        """mmengine's, and a warning where the config leaves the constructor to mmengine's default."""
        parts = isinstance(optim_wrapper, Mapping) and {'constructor', 'paramwise_cfg'} & set(optim_wrapper)
        if parts == {'paramwise_cfg'}:
            self.logger.warning(
                'optim_wrapper has no constructor: mmengine makes a parameter group of every single parameter. Set '
                "optim_wrapper.constructor='GroupedOptimWrapperConstructor' for one of each learning rate and decay."
            )
        return super().build_optim_wrapper(optim_wrapper)

    def build_param_scheduler(self, scheduler: Any) -> Any:
        """mmengine's; a schedule that names no length lasts as long as the training."""
        fill_lengths(scheduler, self.train_loop.max_iters)
        return super().build_param_scheduler(scheduler)

    def load_checkpoint(
        self,
        filename: str,
        map_location: str | Callable = 'cpu',
        strict: bool = True,
        revise_keys: Any = None,
    ) -> dict[str, Any]:
        """Load weights and give back the whole checkpoint, decoded.

        Raises:
            CheckpointError: Unsafe, unreadable, or of another model.
        """
        checkpoint = files.load_file(filename, map_location)
        for name in ('message_hub', 'param_schedulers', 'meta'):
            if name in checkpoint:
                checkpoint[name] = files.decode(checkpoint[name])
        if is_resuming(self) and 'message_hub' not in checkpoint:
            raise CheckpointError(f'{filename} holds weights only; training cannot be resumed from it. Use load_from.')
        if is_resuming(self):
            self._take_schedule(filename, checkpoint)
            if not self.cfg.get('allow_changes'):
                refuse_another_run(str(filename), (checkpoint.get('meta') or {}).get(KEY), self.identity)
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        partial = bool(self.cfg.get('load_partial', False)) and not is_resuming(self)
        cause = functools.partial(nearest_cause, meta=checkpoint.get('meta'))
        fit = files.load_weights(self.bare_model, checkpoint['state_dict'], str(filename), partial, cause)
        mark_loaded(self)
        self.logger.info(f'weights from {filename}: {fit.line()}')
        return checkpoint

    def _take_schedule(self, filename: str, checkpoint: dict[str, Any]) -> None:
        """Let the lengths of the schedules follow the config's, in the states that mmengine is about to load.

        It would take the saved ones: a run that is to be longer than it was begun would keep the old end of its schedule.

        Raises:
            CheckpointError: They differ in more than length, so the checkpoint is another run's.
        """
        built, saved = self.param_schedulers, checkpoint.get('param_schedulers')
        if not isinstance(built, list) or not isinstance(saved, list):
            return
        different = schedule_differences(built, saved)
        others = [found.text for found in different if not found.is_length]
        if others:
            raise CheckpointError(
                f"{filename}: the schedule of this run is not the config's:\n  "
                + '\n  '.join(others)
                + '\n  A run is resumed with the rates and schedules that it was begun with. For others begin another run '
                f'from its weights: --cfg-options load_from={filename}.'
            )
        for found in different:
            follow_length(built[found.number or 0], saved[found.number or 0], found, checkpoint['optimizer'])
            self.logger.warning(
                f'{found.text}: from here on the rate is that of the longer or shorter schedule, and the run ends otherwise '
                'than one that was begun so. --cfg-options param_scheduler.N.KEY=VALUE keeps the old one.'
            )

    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        """Write a checkpoint under a temporary name, sync, rename.

        Raises:
            CheckpointError: It could not be written; older ones are intact.
        """
        if not is_main_process():
            return
        path = Path(out_dir) / filename
        with files.failing_write(path), replacing(path) as temporary:
            super().save_checkpoint(out_dir, temporary.name, *args, **kwargs)

    def _check_weights(self, checkpoint: Mapping[str, Any]) -> None:
        """Refuse to write weights that are not finite, in the place of ones that may be."""
        parameters = {name for name, _ in self.bare_model.named_parameters()}
        for part in ('state_dict', 'ema_state_dict'):
            for name, value in (checkpoint.get(part) or {}).items():
                if not isinstance(value, Tensor) or not value.is_floating_point() or not value.numel():
                    continue
                # A buffer may be a mask of infinities.
                bad = ~torch.isfinite(value) if name.removeprefix('module.') in parameters else torch.isnan(value)
                if bool(bad.any()):
                    step = (checkpoint.get('meta') or {}).get('iter', self.iter)
                    raise NotFinite(
                        f'iteration {step}: {int(bad.sum())} of {bad.numel()} values of {name} are not finite. No '
                        'checkpoint is written of them; the last one stays. Lower the learning rate '
                        '(optim_wrapper.optimizer.lr), then continue from it with --resume.'
                    )

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Run the hooks' method of that name.

        What a training step gave is looked at before all hooks, and a checkpoint about to be written is encoded after them.

        Raises:
            NotFinite: A loss, the gradients or a weight to be written is infinite or no number.
        """
        if fn_name == 'after_train_iter':
            check_step(self.optim_wrapper, kwargs.get('outputs') or {}, self.iter + 1)
        super().call_hook(fn_name, **kwargs)
        if fn_name == 'before_save_checkpoint':
            self._check_weights(kwargs['checkpoint'])
            kwargs['checkpoint'].setdefault('meta', {}).update({**options_to_store(self.cfg), KEY: self.identity})
            encode_state(kwargs['checkpoint'])


def not_about_file_clients(record: LogRecord) -> bool:
    """Whether a line of the log is none of the two that say that mmengine will drop ``FileClient``."""
    return not record.getMessage().startswith(('"FileClient"', '"HardDiskBackend"'))


def start_worker(init: Callable[[int], None] | None, number: int) -> None:
    """What a worker of a data loader does first."""
    end_with_parent()
    if init is not None:
        init(number)


def stop_at_lost_line(handler: FileHandler, record: LogRecord) -> None:
    """Takes the place of a handler's ``handleError``, which prints a traceback for every line that cannot be written.

    Raises:
        DataError: What stood in the way of the line.
    """
    error = sys.exc_info()[1]
    raise DataError(
        f'{handler.baseFilename} cannot be written: {error}. Free some space or write elsewhere, then repeat the command, a '
        'training with --resume.'
    ) from None


def encode_state(checkpoint: dict[str, Any]) -> None:
    """Encode, in place, the parts of a checkpoint that hold more than tensors."""
    for name in ('message_hub', 'param_schedulers', 'meta', 'optimizer'):
        if name in checkpoint:
            checkpoint[name] = files.encode(checkpoint[name], name)


def device_line() -> str:
    """One line that says what the run computes on."""
    if torch.cuda.is_available():
        return (
            f'device: {torch.cuda.get_device_name()} ({torch.cuda.device_count()} visible), torch {torch.__version__}'
        )
    return f'device: CPU, {torch.get_num_threads()} threads, torch {torch.__version__}'
