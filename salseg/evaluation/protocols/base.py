"""What a protocol is: what it counts, how one unit of work is scored, how metrics come from the scores."""

import dataclasses
import difflib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import numpy as np

from salseg.errors import DataError, UnknownName

Metrics = Mapping[str, float | np.ndarray]
P = TypeVar('P', bound='Protocol')
# In place of names of columns: all that there are.
ALL = 'all'


@dataclass(frozen=True)
class Problem:
    """A prediction that does not fit its ground truth.

    Attributes:
        kind: What is wrong in one or two words: the message counts problems by it.
        stem: Relative path without suffix.
        detail: What was found and what was expected.
    """

    kind: str
    stem: str
    detail: str


@dataclass
class PartialResult:
    """Scores of some images of one group, or of one video: what is recorded, gathered and added up.

    Attributes:
        group: Folder of the images, or the video.
        rows: By image, or by object of a video, the metrics that are single numbers.
        arrays: What the totals need: sums of scores and curves, or J and F over time.
        problems: Predictions that could not be scored.
        missing: Predictions that were not there and count as empty.
        resized: Predictions that were brought to the size of their ground truth.
    """

    group: str
    rows: list[tuple[str, dict[str, float]]] = field(default_factory=list)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    missing: int = 0
    resized: int = 0


class Accumulator(ABC):
    """Sums partial results; those of a group may come in any order and number."""

    @abstractmethod
    def add(self, part: PartialResult) -> None:
        """Take one part in."""

    @abstractmethod
    def metrics(self) -> Metrics:
        """Metrics of the data set, by metric; curves are (N,) arrays."""

    @abstractmethod
    def counts(self) -> dict[str, int]:
        """How many images, groups, videos, objects, frames the metrics are made of."""

    @abstractmethod
    def groups(self) -> dict[str, dict[str, float]]:
        """Metrics of every group or video."""


@dataclass(frozen=True, kw_only=True)
class Protocol(ABC):
    """A named evaluation: what is counted, how it is scored and averaged.

    Attributes:
        name: Stands in every table.
        title: The same in a few words.
        rule: What is counted and how it is averaged, one sentence.
        source: Where it is defined.
        columns: Metrics of the table, in order.
        rank_by: The metric that methods are ranked by.
        lower_is_better: Metrics where less is better.
        worst_by: The metric of a row that finds the worst cases; more is better.
        unit: Name of a group: 'group' or 'video'.
        skip_first_last: The first and the last annotated frame of a video do not count.
    """

    name: str
    title: str
    rule: str
    source: str = ''
    columns: tuple[str, ...] = ()
    rank_by: str = ''
    worst_by: str = ''
    unit: str = 'group'
    skip_first_last: bool = False

    lower_is_better: ClassVar[frozenset[str]] = frozenset({'mae', 'J_decay', 'F_decay'})
    # Fields that a user may change by name; everything else makes the protocol what it is.
    options: ClassVar[tuple[str, ...]] = ()

    @property
    def kind(self) -> str:
        """'maps' or 'masks'."""
        raise TypeError(f'{type(self).__name__} must define kind')

    @property
    def all_columns(self) -> tuple[str, ...]:
        """Every metric that a table can have: the usual ones, if the protocol does not say more."""
        return self.columns

    @abstractmethod
    def total(self) -> Accumulator:
        """A fresh sum."""

    def counted(self, stems: Sequence[str], group: str) -> list[int]:
        """Which of the annotated frames of a group count, by position: all, or all but the first and the last.

        Args:
            stems: In temporal order.
            group: Name of the group or video.

        Raises:
            DataError: Nothing is left of the group.
        """
        if not self.skip_first_last:
            return list(range(len(stems)))
        if len(stems) < 3:
            raise DataError(
                f'{self.name}: the video {group!r} has {len(stems)} annotated frames; without the first and the last '
                'one nothing is left. Leave it out with --list, or choose a protocol that counts all frames.'
            )
        return list(range(1, len(stems) - 1))

    @property
    def note(self) -> str:
        """What differs from the protocol's own settings, for the table; '' if nothing does."""
        return ''

    @property
    def identity(self) -> str:
        """Text that differs whenever the same files would be scored otherwise."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name in self.options}
        return f'{self.name} {sorted(fields.items())}'

    def with_options(self: P, **options: Any) -> P:
        """A copy with other options.

        Raises:
            DataError: The protocol has no such option.
        """
        unknown = sorted(set(options) - set(self.options))
        if unknown:
            raise DataError(
                f'the protocol {self.name} has no option {", ".join(unknown)}; '
                + (f'it takes {", ".join(self.options)}.' if self.options else 'it takes none.')
            )
        return dataclasses.replace(self, **options)

    def with_columns(self: P, names: Sequence[str]) -> P:
        """A copy whose tables have these columns, in this order; ``('all',)`` are all that there are.

        Raises:
            UnknownName: The protocol has no such metric; near names are named.
        """
        return choose_columns([self], names)[0]


def plain(metrics: Mapping[str, float | np.ndarray]) -> dict[str, float]:
    """The metrics that are single numbers."""
    return {name: float(value) for name, value in metrics.items() if not np.ndim(value)}


def as_names(names: str | Sequence[str]) -> tuple[str, ...]:
    """Names of a list, or of a text with commas between them, as the command line has it.

    Examples:
        >>> as_names('vsod,davis16'), as_names(['vsod'])
        (('vsod', 'davis16'), ('vsod',))
    """
    parts = names.split(',') if isinstance(names, str) else names
    return tuple(name.strip() for name in parts if name.strip())


def choose_columns(protocols: Sequence[P], names: Sequence[str]) -> list[P]:
    """Copies of the protocols, each with those of the columns that it has; ``('all',)`` are all of each.

    Raises:
        UnknownName: No protocol has a column, or a protocol has none of them; near names are named.
    """
    if tuple(names) == (ALL,):
        return [dataclasses.replace(protocol, columns=protocol.all_columns) for protocol in protocols]
    known = list(dict.fromkeys(name for protocol in protocols for name in protocol.all_columns))
    called = ' and '.join(protocol.name for protocol in protocols)
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
            raise UnknownName(
                f'{called}: there is no column {name!r}'
                + (f'; did you mean {" or ".join(near)}?' if near else '.')
                + f' There are {", ".join(known)}, or {ALL} of them.'
            )
    chosen = []
    for protocol in protocols:
        columns = tuple(name for name in dict.fromkeys(names) if name in protocol.all_columns)
        if not columns:
            raise UnknownName(
                f'{protocol.name} has no column of {", ".join(names)}; it has {", ".join(protocol.all_columns)}. Name one '
                'of them, or leave the protocol out.'
            )
        chosen.append(dataclasses.replace(protocol, columns=columns))
    return chosen
