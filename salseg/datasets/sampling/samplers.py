"""In which order items are drawn: resumable at any step, alternating between sets, whole videos."""

import math
from collections.abc import Iterator, Sequence, Sized

import numpy as np
from mmengine.dist import get_dist_info
from torch.utils.data import Sampler

from salseg.datasets.concat import ConcatDataset
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
        batch_size: Sets per step, over all processes, which divide it evenly.
        last: What happens to an epoch's last, incomplete batch: 'fill' from the next epoch (batches never shrink), 'keep'
            it small (one process) or fill it up with the epoch's first draws (several), or 'drop' it.
        rank, world_size: Of this process; by default the running ones.

    Attributes:
        start: Number of batches already used; set it before iterating to resume there.

    Raises:
        ConfigError: ``last`` is unknown, the processes do not divide the batch, or an epoch is smaller than a batch that
            may not be filled.
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
        self._share(batch_size)
        if last == 'drop' and sampler.size < self.step_size:
            raise ConfigError(
                f"ResumableBatchSampler: {sampler.size} items are fewer than one step of {self.step_size} and last='drop' "
                "leaves none. Use last='fill' or a smaller batch_size."
            )

    @property
    def step_size(self) -> int:
        """Sets per step over all processes."""
        return self.batch_size

    def _share(self, size: int) -> int:
        """Of a process."""
        if size % self.world_size:
            raise ConfigError(
                f'{type(self).__name__}: {size} sets per step do not divide over {self.world_size} processes; see '
                'scale_batch in docs/en/cluster.md.'
            )
        return size // self.world_size

    def __len__(self) -> int:
        """Steps per epoch, the incomplete one included where it is kept."""
        whole, rest = divmod(self.sampler.size, self.step_size)
        return max(1, whole + (1 if rest and self.last != 'drop' else 0))

    def steps(self, epochs: float) -> int:
        """Steps of so many passes over the items, rounded up."""
        if self.last == 'fill':
            return max(1, math.ceil(epochs * self.sampler.size / self.step_size))
        return max(1, math.ceil(epochs * len(self)))

    def batch(self, number: int) -> list[int]:
        """Draws of this process in step ``number``."""
        if self.last == 'fill':
            share = self._share(self.batch_size)
            start = number * self.step_size + self.rank * share
            return [self._draw(*divmod(start + i, self.sampler.size)) for i in range(share)]
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


@DATA_SAMPLERS.register_module()
class PartsSampler(ResumableSampler):
    """A `ResumableSampler` that knows the parts of a `ConcatDataset`; each is permuted on its own.

    Args:
        dataset: A concatenation.
        shuffle: Permute each epoch of each part.
        seed: Of the permutations.

    Raises:
        ConfigError: The data set has no parts.
    """

    def __init__(self, dataset: ConcatDataset, shuffle: bool = True, seed: int | None = 0) -> None:
        super().__init__(dataset, shuffle, seed)
        if not isinstance(dataset, ConcatDataset):
            raise ConfigError(f'PartsSampler needs a ConcatDataset, found a {type(dataset).__name__}.')
        self.starts = [0, *dataset.ends[:-1]]
        self.sizes = [end - start for start, end in zip(self.starts, dataset.ends)]
        self._cached: dict[int, tuple[int, np.ndarray]] = {}

    def draw(self, part: int, position: int) -> int:
        """Draw of the whole data set for position ``position`` of the endless run over a part."""
        epoch, place = divmod(position, self.sizes[part])
        if self._cached.get(part, (-1, None))[0] != epoch:
            generator = np.random.default_rng((self.seed, part, epoch))
            order = generator.permutation(self.sizes[part]) if self.shuffle else np.arange(self.sizes[part])
            self._cached[part] = (epoch, order)
        return epoch * self.size + self.starts[part] + int(self._cached[part][1][place])


@DATA_SAMPLERS.register_module()
class AlternatingBatchSampler(ResumableBatchSampler):
    """Step 0 from the first data set, step 1 from the second, and so on in turn; a function of the step's number.

    A video batch of one clip of 8 frames and an image batch of 8 single frames, for example, fill the network alike.

    Args:
        sampler: A `PartsSampler`.
        batch_size: The largest of ``sizes``, since the runner asks for one number.
        sizes: Sets per step of each part, over all processes, which divide each evenly.
        rank, world_size: Of this process; by default the running ones.

    Raises:
        ConfigError: There are not as many sizes as parts, the processes do not divide one, or the sampler is another one.
    """

    def __init__(
        self,
        sampler: PartsSampler,
        batch_size: int,
        sizes: Sequence[int],
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        super().__init__(sampler, batch_size, 'fill', rank, world_size)
        if not isinstance(sampler, PartsSampler):
            raise ConfigError(
                f"AlternatingBatchSampler needs sampler=dict(type='PartsSampler'), not {type(sampler).__name__}."
            )
        if len(sizes) != len(sampler.sizes) or min(sizes) < 1 or max(sizes) != batch_size:
            raise ConfigError(
                f'AlternatingBatchSampler: sizes={tuple(sizes)} for {len(sampler.sizes)} data sets and '
                f'batch_size={batch_size}; give each data set its sets per step, the largest being batch_size.'
            )
        self.parts, self.sizes = sampler, tuple(sizes)
        for size in sizes:
            self._share(size)

    def __len__(self) -> int:
        """Steps until every part was seen once."""
        steps = [-(-items // size) for items, size in zip(self.parts.sizes, self.sizes)]
        return max(steps) * len(steps)

    def steps(self, epochs: float) -> int:
        """Steps until every part was seen so many times."""
        return max(1, math.ceil(epochs * len(self)))

    def batch(self, number: int) -> list[int]:
        """Draws of this process in step ``number``."""
        turn, part = divmod(number, len(self.sizes))
        share = self._share(self.sizes[part])
        first = turn * self.sizes[part] + self.rank * share
        return [self.parts.draw(part, position) for position in range(first, first + share)]


def share_videos(lengths: list[int], processes: int) -> list[list[int]]:
    """Videos of each process, balanced by length: the longest first, each to the process with the least so far."""
    videos: list[list[int]] = [[] for _ in range(processes)]
    load = [0] * processes
    for video in sorted(range(len(lengths)), key=lambda v: (-lengths[v], v)):
        least = load.index(min(load))
        videos[least].append(video)
        load[least] += lengths[video]
    return [sorted(own) for own in videos]


@DATA_SAMPLERS.register_module()
class VideoSampler(Sampler[int]):
    """Frames of whole videos, one video after the other, for the videos of this process.

    Args:
        dataset: Has ``video_lengths``, in the order of its items.
        seed: Taken because the runner passes one; nothing is drawn.
        rank, world_size: Of this process; by default the running ones.

    Raises:
        ConfigError: The data set has no ``video_lengths``.
    """

    def __init__(
        self, dataset: Sized, seed: int | None = None, rank: int | None = None, world_size: int | None = None
    ) -> None:
        lengths = getattr(dataset, 'video_lengths', None)
        if lengths is None:
            raise ConfigError(
                f'VideoSampler: {type(dataset).__name__} has no video_lengths; use it with PromptedVideos.'
            )
        running = get_dist_info()
        rank = running[0] if rank is None else rank
        starts = [sum(lengths[:number]) for number in range(len(lengths))]
        own = share_videos(list(lengths), running[1] if world_size is None else world_size)[rank]
        self.indices = [starts[v] + place for v in own for place in range(lengths[v])]

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)

    def __len__(self) -> int:
        return len(self.indices)
