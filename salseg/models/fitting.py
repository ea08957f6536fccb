"""Whether the levels that one part gives are those that the next one takes, compared when a model is built."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

from salseg.errors import ConfigError

# A size that only a network takes which takes all multiples of 16.
ANY_FRAME = (144, 208)


class Takes(NamedTuple):
    """What a part takes; a part that says so has a list of these as its attribute ``takes``.

    Attributes:
        key: The constructor's argument that says it.
        channels: Of all levels, fine to coarse, or of one level.
        level: Index of that one; None for all levels.
    """

    key: str
    channels: Sequence[int] | int
    level: int | None = None


@dataclass(frozen=True)
class Levels:
    """Levels on their way through a model.

    Attributes:
        channels: Fine to coarse.
        strides: Likewise; of the backbone, since no neck of salseg changes them.
        source: What gave them, for messages.
    """

    channels: tuple[int, ...]
    strides: tuple[int, ...]
    source: str

    def __str__(self) -> str:
        return f'{self.source} gives {len(self.channels)} levels with channels {self.channels}, strides {self.strides}'


class GivesLevels(Protocol):
    """A backbone, as far as this module sees it."""

    channels: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def label(self) -> str:
        """What messages call it."""


def levels_of(backbone: GivesLevels) -> Levels:
    """The levels of a backbone."""
    return Levels(tuple(backbone.channels), tuple(backbone.strides), backbone.label)


def after_part(where: str, part: Any, levels: Levels | None) -> Levels | None:
    """Levels behind a part of a model.

    Args:
        where: The part's place in the config, such as 'model.neck'.
        part: It says by ``takes`` what it takes. An attribute ``out_channels`` says what comes out: a number for the
            coarsest level alone, several for all levels; without it they pass unchanged.
        levels: What comes in; None where nothing is known.

    Returns:
        The levels, or None where the part says nothing of what it takes.

    Raises:
        ConfigError: The part takes other channels, or another number of levels.
    """
    taken: Sequence[Takes] | None = getattr(part, 'takes', None)
    if part is None or levels is None:
        return levels
    if taken is None:
        return None
    for takes in taken:
        _compare(where, part, takes, levels)
    found = getattr(part, 'out_channels', levels.channels)
    channels = (*levels.channels[:-1], found) if isinstance(found, int) else tuple(found)
    return replace(levels, channels=channels)


def _compare(where: str, part: Any, takes: Takes, levels: Levels) -> None:
    there: Any = None
    if takes.level is None:
        there = levels.channels
    elif -len(levels.channels) <= takes.level < len(levels.channels):
        there = levels.channels[takes.level]
    wanted = takes.channels if isinstance(takes.channels, int) else tuple(takes.channels)
    if there == wanted:
        return
    which = '' if takes.level is None else f' for level {takes.level}'
    pyramid = f' with channels={wanted}' if takes.level is None else ''
    raise ConfigError(
        f'{where}.{takes.key} is {wanted}{which} ({type(part).__name__}), but {levels}: set {where}.{takes.key} to '
        f'{"that" if there is None else there}, choose levels with out_indices of the backbone, or put the backbone into a '
        f'PyramidBackbone{pyramid}.'
    )


def check_strides(key: str, backbone: GivesLevels, wanted: Sequence[int], last: bool = False) -> None:
    """Refuse a backbone whose levels lie at other strides than a system needs.

    Args:
        key: Of the backbone in the config, such as 'model.key_backbone'.
        backbone: The backbone.
        wanted: Strides, fine to coarse.
        last: Whether its coarsest levels alone are compared.

    Raises:
        ConfigError: They do.
    """
    found = tuple(backbone.strides)
    if (found[-len(wanted) :] if last else found) != tuple(wanted):
        where = f'{"the last one at " if last else ""}strides {tuple(wanted)}'
        raise ConfigError(
            f'{key}: {levels_of(backbone)}; expected levels, {where}: choose them with out_indices, or put the backbone '
            f'into a PyramidBackbone with strides={tuple(wanted)}.'
        )
