"""What every data set shares: an item is a set of frames, and its randomness depends on seed, epoch and index only."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from salseg.errors import ConfigError, DataError
from salseg.io.annotations import check_index_labels
from salseg.registry import TRANSFORMS
from salseg.structures import InputType

Results = dict[str, Any]


class DrawAgain(Exception):
    """A transform found nothing to learn from and asks for another draw of the item, from its beginning.

    Args:
        trial: Number of the next trial, from 1; transforms read it as ``trial`` and stop asking at their own limit.
    """

    def __init__(self, trial: int) -> None:
        super().__init__(f'trial {trial}')
        self.trial = trial


def height_and_width(size: int | Sequence[int]) -> tuple[int, int]:
    """A size that is one number for a square, or both numbers already.

    Raises:
        ConfigError: There are not two.
    """
    sides = (size, size) if isinstance(size, int) else tuple(size)
    if len(sides) != 2:
        raise ConfigError(f'size={size!r}; expected one number of pixels, or (height, width).')
    return sides[0], sides[1]


class SetDataset(Dataset):
    """A data set whose items are sets of frames.

    Subclasses give ``__len__`` and `describe`. An item is requested by its *draw*, ``epoch * len + index``; the draw is
    what a sampler yields, so that augmentation is the same for any number of workers and after any resume.

    Args:
        pipeline: Transforms by config, applied in order.
        seed: Seeds all random transforms together with epoch and index.
        name: Stands in tables and messages.
        pixel_mean, pixel_std: Statistics of this data set on the 0-255 scale, RGB; the preprocessor prefers them.

    Attributes:
        input_type: What one item is; a config is refused where its model takes another type than its test set has.
    """

    input_type: InputType = 'image'

    def __init__(
        self,
        pipeline: Sequence[Mapping[str, Any]] = (),
        seed: int = 0,
        name: str = '',
        pixel_mean: Sequence[float] | None = None,
        pixel_std: Sequence[float] | None = None,
    ) -> None:
        self.transforms = [TRANSFORMS.build(dict(step)) if isinstance(step, Mapping) else step for step in pipeline]
        self.seed = seed
        self.name = name
        self.pixel_mean = None if pixel_mean is None else tuple(pixel_mean)
        self.pixel_std = None if pixel_std is None else tuple(pixel_std)
        self._checked: set[str] = set()

    @property
    def metainfo(self) -> dict[str, Any]:
        """What metrics and the visualiser may want to know."""
        return dict(dataset=self.name)

    def __len__(self) -> int:
        raise TypeError(f'{type(self).__name__} must define __len__')

    def describe(self, index: int) -> Results:
        """Paths and ids of item ``index``, without pixels: ``set_id``, ``frame_ids``, ``frame_paths``, ..."""
        raise TypeError(f'{type(self).__name__} must define describe')

    def listed_files(self) -> Iterator[tuple[str, list[Path]]]:
        """The files that all items are read from, under the names of their sets, without a look into them.

        By default what `describe` names; a set that draws its items, whose config says all, has none.
        """
        for index in range(len(self)):
            item = self.describe(index)
            paths = [Path(path) for key in ('frame_paths', 'label_paths') for path in item.get(key) or () if path]
            yield str(item.get('set_id')), paths

    def ids_together(self, index: int) -> tuple[str, Callable[[], Sequence[Path]]] | None:
        """Annotations that decide together whether 255 is void: those of an item's video, or of the whole set.

        Returns:
            What they are called in a message, and their files; None where annotations are no object ids.
        """
        return None

    def _check_ids(self, index: int) -> None:
        together = self.ids_together(index)
        if together is None or together[0] in self._checked:
            return
        check_index_labels(together[1](), together[0])
        self._checked.add(together[0])

    def begin(self, epoch: int, index: int, draw: int | None = None) -> Results:
        """Item ``index`` before its transforms, with its generator; ``draw`` as in `get`.

        Raises:
            LabelError: Annotations that are read as ids are masks.
        """
        self._check_ids(index)
        results = dict(dataset=self.name, ordered=False, pixel_mean=self.pixel_mean, pixel_std=self.pixel_std)
        results.update(self.describe(index))
        results['rng'] = np.random.default_rng((self.seed, epoch, index))
        results['draw'] = epoch * len(self) + index if draw is None else draw
        return results

    def get(self, epoch: int, index: int, draw: int | None = None) -> Results:
        """Item ``index`` as epoch ``epoch`` draws it.

        Args:
            epoch, index: Seed the item.
            draw: Number of the draw, on which curricula depend; by default that of this set on its own. A set that is part
                of another one is told the whole's.
        """
        results = self.begin(epoch, index, draw)
        rng = results['rng']
        while True:
            try:
                return self._transformed(results, index)
            except DrawAgain as again:
                # The generator goes on, or the same clip would come again.
                results = {**self.begin(epoch, index, draw), 'rng': rng, 'trial': again.trial}

    def _transformed(self, results: Results, index: int) -> Results:
        for transform in self.transforms:
            results = transform(results)
            if results is None:
                raise DataError(f'{type(transform).__name__} returned nothing for {self.name} item {index}.')
        return results

    def __getitem__(self, draw: int) -> Results:
        epoch, index = divmod(int(draw), len(self))
        return self.get(epoch, index)
