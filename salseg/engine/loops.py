"""The training loop, able to continue exactly where a run stopped, and the test loop, which tells speed and memory."""

import resource
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from mmengine.dist import all_gather_object
from mmengine.runner import IterBasedTrainLoop, TestLoop, autocast
from torch import nn

from salseg.datasets.sampling import ResumableBatchSampler
from salseg.errors import ConfigError
from salseg.mmengine_compat.running import endless_batches, set_length
from salseg.registry import LOOPS
from salseg.structures import SalDataSample


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


class PassSink(Protocol):
    """What becomes of the predictions of a test besides their metrics."""

    def running(self, runner: Any) -> AbstractContextManager[Any]:
        """Around the pass, once the weights are loaded; at its end all that was taken is kept."""

    def kept(self, samples: Sequence[SalDataSample]) -> bool:
        """Whether an earlier pass left the predictions of a whole batch, which are then filled in."""

    def take(self, samples: Sequence[SalDataSample]) -> None:
        """Look at the predictions of a batch."""


@dataclass
class PassReport:
    """Speed and memory of a test.

    Attributes:
        frames: That all processes saw.
        seconds: From the first batch to the last, of the slowest process: reading, network, metrics, saving.
        network_frames, network_seconds: What the network alone took, of which the first batch is left out where there are
            more (it allocates, and chooses algorithms).
        memory: Peak in bytes, of the process that needs most: on a GPU what its tensors took there, on a CPU the process'
            resident memory.
        device: 'GPU' or 'process'.
        processes: How many.
        kept: Frames whose predictions an earlier pass had left.
    """

    frames: int = 0
    seconds: float = 0.0
    network_frames: int = 0
    network_seconds: float = 0.0
    memory: int = 0
    device: str = 'process'
    processes: int = 1
    kept: int = 0

    def line(self) -> str:
        """The same in a sentence."""
        rates = [f'{self.frames / max(self.seconds, 1e-9):.1f} in all']
        if self.network_frames:
            rates.insert(0, f'{self.network_frames / max(self.network_seconds, 1e-9):.1f} by the network')
        among = f' in {self.processes} processes' if self.processes > 1 else ''
        kept = f', {self.kept} of them kept from an earlier run' if self.kept else ''
        return (
            f'speed: frames per second {", ".join(rates)} ({self.frames} frames, {self.seconds:.1f} s{among}{kept}); '
            f'peak memory {self.memory / 2**20:.0f} MB ({self.device})'
        )


@LOOPS.register_module()
class MeasuredTestLoop(TestLoop):
    """mmengine's test loop, which also tells frames per second and peak memory, and hands predictions on.

    A data set without truth (``has_truth`` is False) is predicted and not scored.

    Args:
        runner, dataloader, evaluator, fp16: See mmengine's `TestLoop`.

    Attributes:
        sink: Where predictions go; none by default.
        report: Of the last pass.
    """

    def __init__(self, runner: Any, dataloader: Any, evaluator: Any, fp16: bool = False) -> None:
        super().__init__(runner, dataloader, evaluator, fp16)
        self.sink: PassSink | None = None
        self.report = PassReport()
        self._timed = 0
        self._seen: tuple[Any, set[str]] = (None, set())
        # Metrics of a set whose truth a server keeps say so in their own table.
        metrics, withheld = self.evaluator.metrics, any(getattr(m, 'withheld', False) for m in self.evaluator.metrics)
        self._scored = bool(metrics) and (withheld or getattr(self.dataloader.dataset, 'has_truth', True))

    def run(self) -> dict[str, float]:
        """Predict all items, then score them."""
        self.runner.call_hook('before_test')
        self.runner.call_hook('before_test_epoch')
        self.runner.model.eval()
        own, self._timed, self._seen = PassReport(), 0, (None, set())
        self.report = own
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        began = time.perf_counter()
        with nullcontext() if self.sink is None else self.sink.running(self.runner):
            for index, batch in enumerate(self.dataloader):
                self.run_iter(index, batch)
        own.seconds = time.perf_counter() - began
        own.device, own.memory = ('GPU' if torch.cuda.is_available() else 'process'), peak_memory()
        self.report = united_report(all_gather_object(own))
        self.runner.logger.info(self.report.line())
        metrics: dict[str, float] = {}
        if self._scored:
            metrics = self.evaluator.evaluate(len(self.dataloader.dataset))
        elif self.evaluator.metrics:
            self.runner.logger.info('no metrics: only what is given is annotated, the truth is not here')
        self.runner.call_hook('after_test_epoch', metrics=metrics)
        self.runner.call_hook('after_test')
        return metrics

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: Mapping[str, Any]) -> None:
        """One batch: what an earlier pass left of it, or the network; then the metrics, then the sink."""
        self.runner.call_hook('before_test_iter', batch_idx=idx, data_batch=data_batch)
        samples: Sequence[SalDataSample] = data_batch['data_samples']
        frames = sum(map(self._new_frames, samples))
        self.report.frames += frames
        if self.sink is not None and self.sink.kept(samples):
            self.report.kept += frames
        else:
            began = _now()
            with autocast(enabled=self.fp16):
                samples = self.runner.model.test_step(data_batch)
            self._count(frames, _now() - began)
            if self.sink is not None:
                self.sink.take(samples)
        if self._scored:
            self.evaluator.process(data_samples=samples, data_batch=data_batch)
        self.runner.call_hook('after_test_iter', batch_idx=idx, data_batch=data_batch, outputs=samples)

    def _new_frames(self, sample: SalDataSample) -> int:
        """Frames that no clip before held: the last clip of a video repeats what fills it up."""
        video = (sample.dataset, sample.set_id)
        seen = self._seen[1] if self._seen[0] == video else set()
        new = set(sample.frame_ids) - seen
        self._seen = video, seen | new
        return len(new)

    def _count(self, frames: int, seconds: float) -> None:
        if self._timed == 1:
            self.report.network_frames, self.report.network_seconds = 0, 0.0
        self._timed += 1
        self.report.network_frames += frames
        self.report.network_seconds += seconds


def _now() -> float:
    """Seconds, once the GPU has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def peak_memory() -> int:
    """Peak in bytes: of tensors on the GPU where there is one, else of the process since it started."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    # Kilobytes everywhere but on macOS.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)


def united_report(parts: Sequence[PassReport]) -> PassReport:
    """The report of all processes."""
    return PassReport(
        frames=sum(part.frames for part in parts),
        seconds=max(part.seconds for part in parts),
        network_frames=sum(part.network_frames for part in parts),
        # At the same time: so many frames in the mean of the processes' seconds.
        network_seconds=sum(part.network_seconds for part in parts) / len(parts),
        memory=max(part.memory for part in parts),
        device=parts[0].device,
        processes=len(parts),
        kept=sum(part.kept for part in parts),
    )
