"""What the learning benchmarks of groups share: metrics with true and with foreign companions, and the report."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from salseg.apis.groups import GroupPredictor

Group = Sequence['Member']
Claim = tuple[str, bool, str]


@dataclass(frozen=True)
class Member:
    """An image of a group.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        mask: (H, W) bool, the shared object.
    """

    image: np.ndarray
    mask: np.ndarray


def overlap(saliency: np.ndarray, mask: np.ndarray) -> float:
    """IoU of a map (H, W) uint8 cut at one half."""
    marked = saliency >= 128
    return float((marked & mask).sum() / max((marked | mask).sum(), 1))


def windows(group: Group, size: int) -> list[Group]:
    """Parts of ``size`` members, one after the other round the group, until every member has been in one."""
    return [[group[(first + k) % len(group)] for k in range(size)] for first in range(0, len(group), size)]


def shuffled(groups: Sequence[Group]) -> list[Group]:
    """As many sets as groups: member m of set g is member m of group g + m, so companions are foreign."""
    longest = max(len(group) for group in groups)
    sets: list[list[Member]] = [[] for _ in groups]
    for start in range(len(groups)):
        for m in range(longest):
            group = groups[(start + m) % len(groups)]
            if m < len(group):
                sets[start].append(group[m])
    return [members for members in sets if members]


def group_overlap(predictor: GroupPredictor, sets: Sequence[Group]) -> float:
    """Mean IoU over all images of all sets, each set run as a group."""
    found = []
    for members in sets:
        maps = predictor([member.image for member in members])
        found += [overlap(p.saliency, member.mask) for p, member in zip(maps, members)]
    return float(np.mean(found))


def map_overlap(groups: Sequence[Group], make: Callable[[Member], np.ndarray]) -> float:
    """Mean IoU of maps that are made image by image."""
    return float(np.mean([overlap(make(member), member.mask) for group in groups for member in group]))


def timed(call: Callable[[], object]) -> tuple[object, float]:
    """What a call gives, and its seconds of processor time, which other work on the machine does not change."""
    start = time.process_time()
    result = call()
    return result, time.process_time() - start


def say(claims: Sequence[Claim]) -> int:
    """Print whether each claim (text, holds, bar) holds; status 1 if one does not."""
    for text, holds, bar in claims:
        print(f'{"holds" if holds else "DOES NOT HOLD"}: {text} (asked {bar})')
    return 0 if all(holds for _, holds, _ in claims) else 1
