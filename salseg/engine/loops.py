"""The training loop: by iterations, and able to continue exactly where a run stopped."""

from typing import Any

from mmengine.runner import IterBasedTrainLoop
from torch import nn

from salseg.datasets.sampling import ResumableBatchSampler
from salseg.errors import ConfigError
from salseg.mmengine_compat.running import endless_batches
from salseg.registry import LOOPS


@LOOPS.register_module()
class PositionTrainLoop(IterBasedTrainLoop):
    """Iterations over batches that are a function of the step's number.

    On resume the batch sampler starts at the stored step; no old batch is decoded to be thrown away.

    Args:
        runner: The runner.
        dataloader: Config or loader; its batch sampler must be a :class:`ResumableBatchSampler`.
        max_iters: Steps in all.
        val_begin, val_interval: When to validate.

    Raises:
        ConfigError: The loader has another batch sampler.
    """

    def __init__(
        self, runner: Any, dataloader: Any, max_iters: int, val_begin: int = 1, val_interval: int = 1000
    ) -> None:
        super().__init__(runner, dataloader, max_iters, val_begin, val_interval)
        sampler = self.dataloader.batch_sampler
        if not isinstance(sampler, ResumableBatchSampler):
            raise ConfigError(
                f"train_dataloader.batch_sampler is a {type(sampler).__name__}; expected dict(type='ResumableBatchSampler'): "
                'without it a resumed run would not see the same batches.'
            )

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
