"""Draws of an endless training run as a function of the position, so that a resumed run resumes exactly."""

from collections.abc import Iterator, Sized

import numpy as np
from mmengine.dist import get_dist_info
from torch.utils.data import Sampler

from salseg.errors import ConfigError
from salseg.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class ResumableSampler(Sampler[int]):
    """Yield draws ``epoch * len + index`` without end; epoch e is permuted by a generator of (seed, e).

    Every process yields all draws; `ResumableBatchSampler` deals them out.

    Args:
        dataset: Its length counts.
        shuffle: Permute each epoch.
        seed: Of the permutations.
    """

    def __init__(self, dataset: Sized, shuffle: bool = True, seed: int | None = 0) -> None:
        self.size = len(dataset)
        self.shuffle = shuffle
        self.seed = int(seed or 0)

    def epoch(self, number: int) -> np.ndarray:
        """Draws of one epoch in order, int64."""
        order = (
            np.random.default_rng((self.seed, number)).permutation(self.size) if self.shuffle else np.arange(self.size)
        )
        return order + number * self.size

    def __iter__(self) -> Iterator[int]:
        number = 0
        while True:
            yield from self.epoch(number).tolist()
            number += 1

    def __len__(self) -> int:
        return self.size


@DATA_SAMPLERS.register_module()
class ResumableBatchSampler(Sampler[list[int]]):
    """Batches of draws, dealt to the processes, from any position on.

    Args:
        sampler: A `ResumableSampler`.
        batch_size: Sets per process and step.
        last: What happens to an epoch's last, incomplete batch: 'fill' from the next epoch (batches never shrink), 'keep'
            it small (one process) or fill it up with the epoch's first draws (several), or 'drop' it.
        rank, world_size: Of this process; by default the running ones.

    Attributes:
        start: Number of batches already used; set it before iterating to resume there.

    Raises:
        ConfigError: ``last`` is unknown, or an epoch is smaller than a batch that may not be filled.
    """

    def __init__(
        self,
        sampler: ResumableSampler,
        batch_size: int,
        last: str = 'fill',
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        if last not in ('fill', 'keep', 'drop'):
            raise ConfigError(f"ResumableBatchSampler: last={last!r}; expected 'fill', 'keep' or 'drop'.")
        running = get_dist_info()
        self.sampler = sampler
        self.batch_size = batch_size
        self.last = last
        self.rank = running[0] if rank is None else rank
        self.world_size = running[1] if world_size is None else world_size
        self.start = 0
        self._cached: tuple[int, np.ndarray] | None = None
        if last == 'drop' and sampler.size < self.step_size:
            raise ConfigError(
                f"ResumableBatchSampler: {sampler.size} items are fewer than one step of {self.step_size} and last='drop' "
                "leaves none. Use last='fill' or a smaller batch_size."
            )

    @property
    def step_size(self) -> int:
        """Sets per step over all processes."""
        return self.batch_size * self.world_size

    def __len__(self) -> int:
        """Steps per epoch, the incomplete one included where it is kept."""
        whole, rest = divmod(self.sampler.size, self.step_size)
        return max(1, whole + (1 if rest and self.last != 'drop' else 0))

    def batch(self, number: int) -> list[int]:
        """Draws of this process in step ``number``."""
        first = self.rank * self.batch_size
        if self.last == 'fill':
            start = number * self.step_size + first
            return [self._draw(*divmod(start + i, self.sampler.size)) for i in range(self.batch_size)]
        epoch, step = divmod(number, len(self))
        begin = step * self.step_size
        size = min(self.step_size, self.sampler.size - begin)
        share = -(-size // self.world_size)
        positions = [begin + self.rank * share + i for i in range(share)]
        # With several processes every one must have a batch of the same size.
        return [self._draw(epoch, p if p < self.sampler.size else p - self.sampler.size) for p in positions]

    def _draw(self, epoch: int, index: int) -> int:
        if self._cached is None or self._cached[0] != epoch:
            self._cached = (epoch, self.sampler.epoch(epoch))
        return int(self._cached[1][index])

    def __iter__(self) -> Iterator[list[int]]:
        number = self.start
        while True:
            yield self.batch(number)
            number += 1
