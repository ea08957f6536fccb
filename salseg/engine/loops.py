"""The training loop: by iterations, and able to continue exactly where a run stopped."""

from typing import Any

from mmengine.runner import IterBasedTrainLoop
from torch import nn

from salseg.datasets.sampling import ResumableBatchSampler
from salseg.errors import ConfigError
from salseg.mmengine_compat.running import endless_batches, set_length
from salseg.registry import LOOPS


@LOOPS.register_module()
class PositionTrainLoop(IterBasedTrainLoop):
    """Iterations over batches that are a function of the step's number.

    On resume the batch sampler starts at the stored step; no old batch is decoded to be thrown away.

    Args:
        runner: The runner.
        dataloader: Config or loader; its batch sampler must be a :class:`ResumableBatchSampler`.
        max_iters: Steps in all; where both lengths are given this one counts.
        max_epochs: Length in passes over the training set instead, rounded up to a whole step: an ablation on another
            set then trains as long, and so does any number of processes.
        val_begin, val_interval: When to validate, in steps.
        val_epochs: The interval in passes over the training set instead.

    Raises:
        ConfigError: The loader has another batch sampler, or no length is given.
    """

    def __init__(
        self,
        runner: Any,
        dataloader: Any,
        max_iters: int | None = None,
        val_begin: int = 1,
        val_interval: int = 1000,
        max_epochs: float | None = None,
        val_epochs: float | None = None,
    ) -> None:
        if max_iters is None and (max_epochs is None or max_epochs <= 0):
            raise ConfigError(f'train_cfg: max_iters={max_iters}, max_epochs={max_epochs}; give one of them, above 0.')
        super().__init__(runner, dataloader, max_iters or 1, val_begin, val_interval)
        sampler = self.dataloader.batch_sampler
        if not isinstance(sampler, ResumableBatchSampler):
            raise ConfigError(
                f"train_dataloader.batch_sampler is a {type(sampler).__name__}; expected dict(type='ResumableBatchSampler'): "
                'without it a resumed run would not see the same batches.'
            )
        if max_iters is None and max_epochs is not None:
            set_length(self, sampler.steps(max_epochs))
        if val_epochs is not None:
            if val_epochs <= 0:
                raise ConfigError(f'train_cfg: val_epochs={val_epochs} must be above 0.')
            self.val_interval = sampler.steps(val_epochs)

    def run(self) -> nn.Module:
        """Train to the end."""
        if self.iter > 0:
            self.dataloader.batch_sampler.start = self.iter
            self.dataloader_iterator = endless_batches(self.dataloader)
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        # A validation that fell on the stored step is not repeated: the checkpoint hook may have saved after it.
        while self.iter < self.max_iters and not self.stop_training:
            self.runner.model.train()
            self.run_iter(next(self.dataloader_iterator))
            if self.runner.val_loop is not None and self._validates():
                self.runner.val_loop.run()
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')
        return self.runner.model

    def _validates(self) -> bool:
        on_schedule = self.iter % self.val_interval == 0 or self.iter == self.max_iters
        return self.iter >= self.val_begin and on_schedule
