"""Release-shaped miniatures: a maker for every NAME of `salseg convert`, after the layouts as published.

Nothing here imports the project, so that a converter and its maker can only agree by both being right.
"""

from pathlib import Path

from tests.releases.comparing import differences
from tests.releases.disturbing import bare, empty, litter, lose_masks, upper, wrap
from tests.releases.group_sets import GROUP_SETS
from tests.releases.image_sets import IMAGE_SETS
from tests.releases.release import Maker, Order, Part, Release
from tests.releases.static_sets import STATIC_SETS
from tests.releases.video_objects import VIDEO_OBJECTS
from tests.releases.video_saliency import VIDEO_SALIENCY

MAKERS: dict[str, Maker] = {
    maker.name: maker for maker in [*IMAGE_SETS, *STATIC_SETS, *GROUP_SETS, *VIDEO_SALIENCY, *VIDEO_OBJECTS]
}

__all__ = [
    'MAKERS',
    'Maker',
    'Order',
    'Part',
    'Release',
    'bare',
    'differences',
    'empty',
    'litter',
    'lose_masks',
    'make',
    'upper',
    'wrap',
]


def make(name: str, folder: Path, variant: str | None = None, **order: object) -> Release:
    """Write the miniature of a release below `folder` / NAME; `variant` is one of `MAKERS[name].variants`.

    `order`: seed, size (height, width), length (images per set or group, frames per video) and names (stems, groups
    or videos, or these by split), every (distance of annotated frames where few are), lengths (of single videos).
    """
    maker = MAKERS[name]
    variant = variant or next(iter(maker.variants))
    release = maker.variants[variant](Order(Path(folder), **order))  # type: ignore[arg-type]
    release.variant = variant
    return release
