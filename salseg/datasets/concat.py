"""Several data sets as one."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

from salseg.datasets.base import Results, SetDataset
from salseg.errors import DataError
from salseg.registry import DATASETS


@DATASETS.register_module()
class ConcatDataset(SetDataset):
    """One data set after the other; items keep their own name, statistics and pipeline.

    Args:
        datasets: Configs or data sets.
        pipeline: Transforms of those configs that name none of their own.
        absent: Names of test sets that are not here; the table of the metrics has a row for each.

    Raises:
        DataError: There are none.
    """

    def __init__(
        self,
        datasets: Sequence[Mapping[str, Any] | SetDataset],
        pipeline: Sequence[Mapping[str, Any]] = (),
        absent: Sequence[str] = (),
    ) -> None:
        shared = dict(pipeline=pipeline) if pipeline else {}
        self.datasets = [DATASETS.build({**shared, **d}) if isinstance(d, Mapping) else d for d in datasets]
        if not self.datasets:
            raise DataError('ConcatDataset: datasets is empty; name at least one.')
        self.absent = tuple(absent)
        self.ends = list(accumulate(len(d) for d in self.datasets))
        super().__init__(name='+'.join(d.name for d in self.datasets))

    @property
    def metainfo(self) -> dict[str, Any]:
        """What metrics may want to know: the sets' names, and those that are not here."""
        return dict(super().metainfo, absent=self.absent)

    def __len__(self) -> int:
        return self.ends[-1]

    def locate(self, index: int) -> tuple[int, int]:
        """Number of the data set and the index in it."""
        which = bisect_right(self.ends, index)
        return which, index - (self.ends[which - 1] if which else 0)

    def describe(self, index: int) -> Results:
        """What the item's own data set says of it."""
        which, inner = self.locate(index)
        return self.datasets[which].describe(inner)

    def listed_files(self) -> Iterator[tuple[str, list[Path]]]:
        """Those of all sets, one after the other."""
        return chain.from_iterable(part.listed_files() for part in self.datasets)

    def get(self, epoch: int, index: int, draw: int | None = None) -> Results:
        """Item ``index`` as its own data set draws it in that epoch; curricula see the number of the draw in the whole."""
        which, inner = self.locate(index)
        return self.datasets[which].get(epoch, inner, epoch * len(self) + index if draw is None else draw)
