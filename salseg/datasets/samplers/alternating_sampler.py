"""Batches of several data sets in turn, each with a size of its own."""

from collections.abc import Sequence

import numpy as np

from salseg.datasets.concat import ConcatDataset
from salseg.datasets.samplers.resumable_sampler import ResumableBatchSampler, ResumableSampler
from salseg.errors import ConfigError
from salseg.registry import DATA_SAMPLERS


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
        sizes: Sets per process and step of each part.
        rank, world_size: Of this process; by default the running ones.

    Raises:
        ConfigError: There are not as many sizes as parts, or the sampler is another one.
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

    def __len__(self) -> int:
        """Steps until every part was seen once."""
        steps = [-(-items // (size * self.world_size)) for items, size in zip(self.parts.sizes, self.sizes)]
        return max(steps) * len(steps)

    def batch(self, number: int) -> list[int]:
        """Draws of this process in step ``number``."""
        turn, part = divmod(number, len(self.sizes))
        size = self.sizes[part]
        first = (turn * self.world_size + self.rank) * size
        return [self.parts.draw(part, position) for position in range(first, first + size)]
