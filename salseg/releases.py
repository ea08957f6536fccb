"""What a message says of a published data set: its counts, where it is published, the command that brings it here.

The facts stand once, in the entries of what `salseg convert` offers. Layers below that command are handed them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

# Last words of kinds of counts that mean the same: an image with its annotation is a pair.
_SAME = {
    'images': ('images', 'pairs', 'masks', 'scribbles'),
    'groups': ('groups', 'classes'),
    'videos': ('videos',),
    'frames': ('frames',),
}


@dataclass(frozen=True)
class Release:
    """A published data set, or a kind of labels of one's own.

    Attributes:
        name: NAME of `salseg convert`.
        folder: Where its result lies below the data root, with '/'.
        published: By kind, the counts of the release or of its versions and splits.
        page: Where it is published.
        title: Of its paper, where no page is known.
        own: Whether it is somebody's own data, which nobody publishes.
    """

    name: str
    folder: str
    published: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    page: str = ''
    title: str = ''
    own: bool = False

    def numbers(self, unit: str) -> tuple[int, ...]:
        """Published counts of 'images', 'groups', 'videos' or 'frames'."""
        words = _SAME.get(unit, (unit,))
        return tuple(n for kind, numbers in self.published.items() if kind.split()[-1] in words for n in numbers)

    def remedy(self) -> str:
        """Where to get it, and the command that puts it where configs read it."""
        if self.page:
            place = f'Get it from {self.page}, '
        else:
            place = f'Get it (the paper is "{self.title}"), ' if self.title else 'Get it, '
        return f'{place}unpack it, then: salseg convert {self.name} SOURCE'


def releases_at(path: Path | str, releases: Iterable[Release]) -> list[Release]:
    """Those whose result lies in a folder, or in one around it; the one that is called like the folder comes first."""
    parts = PurePath(path).parts
    for place in range(len(parts) - 1, -1, -1):
        found = [release for release in releases if release.folder.split('/')[0] == parts[place]]
        if found:
            return sorted(found, key=lambda release: release.name != parts[place])
    return []
