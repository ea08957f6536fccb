"""The folder that the page works on: its images, labels, maps and videos, and no way out of it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from salseg.errors import ConfigError, DataError, missing_folder
from salseg.io.annotations import LABEL_SUFFIXES
from salseg.io.files import make_folder
from salseg.io.formats import VIDEO_SUFFIXES, is_video
from salseg.io.listing import (
    IMAGE_FOLDERS,
    MASK_FOLDERS,
    by_key,
    by_stem,
    find_alias,
    folders_in,
    is_stray,
    natural_key,
)

# All that the page writes beside labels; runs and maps of other commands may have any name.
OWN = 'salseg_app'
VIDEO_FOLDERS = ('video', 'videos')


class NotFound(DataError):
    """What a request names is not there."""


@dataclass(frozen=True)
class Workspace:
    """The files of a folder.

    Images lie in ``image/`` (or another name that data sets use), below it in folders of classes too, or in the folder
    itself. An image's key is its path below that without suffix, as training and prediction name it.

    Args:
        root: The folder, with links resolved.
        images_in: Sub-folder of the images, or '.'.
    """

    root: Path
    images_in: str
    # By folder: its time of change, and its images by stem. Each thumbnail asks for one, and a folder may have thousands.
    listed: dict[Path, tuple[int, dict[str, Path]]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def open(cls, folder: str | Path) -> 'Workspace':
        """A folder, checked.

        Raises:
            DataError: It does not exist.
            ConfigError: Nothing can be written there.
        """
        root = Path(folder)
        if not root.is_dir():
            raise missing_folder(root)
        root = root.resolve()
        if not os.access(root, os.W_OK):
            raise ConfigError(
                f'{root} cannot be written; labels are saved there. Copy the images to a folder of yours.'
            )
        return cls(root, find_alias(root, IMAGE_FOLDERS) or '.')

    @property
    def image_root(self) -> Path:
        """Where the images lie."""
        return self.root / self.images_in

    @property
    def own(self) -> Path:
        """Where models, maps and notes of the page lie."""
        return self.root / OWN

    def make_own(self, *parts: str) -> Path:
        """A folder of the page's own, made.

        Raises:
            NotFound: A link leads out of the folder.
        """
        return make_folder(self.inside(self.own.joinpath(*parts)))

    def images(self) -> dict[str, Path]:
        """Images by key, in natural order; one that a link leads out of the folder is left out."""
        found = by_stem(self.image_root) if self.images_in == '.' else by_key(self.image_root)
        inside = {folder: self._is_inside(folder) for folder in {path.parent for path in found.values()}}
        return {
            key: path
            for key, path in found.items()
            if inside[path.parent] and (not path.is_symlink() or self._is_inside(path))
        }

    def image(self, key: str) -> Path:
        """The image of a key.

        Raises:
            NotFound: There is none, any more.
        """
        folder, _, stem = key.rpartition('/')
        inside = self.inside(self.image_root / folder)
        found = self._listing(inside).get(stem) if inside.is_dir() and not (folder and self.images_in == '.') else None
        if found is None or not found.exists():
            raise NotFound(
                f'there is no image {key!r} in {self.image_root}; it was removed or renamed. Reload the page.'
            )
        return self.inside(found)

    def _listing(self, folder: Path) -> dict[str, Path]:
        changed = folder.stat().st_mtime_ns
        if self.listed.get(folder, (0, {}))[0] != changed:
            self.listed[folder] = changed, by_stem(folder)
        return self.listed[folder][1]

    def inside(self, path: str | Path) -> Path:
        """A path below the folder, relative to it or absolute, with links resolved.

        Raises:
            NotFound: It leads out of the folder.
        """
        text = os.fspath(path)
        if '\0' not in text and self._is_inside(self.root / text):
            return (self.root / text).resolve()
        raise NotFound(f'{text!r} is not in {self.root}.')

    def _is_inside(self, path: Path) -> bool:
        try:
            return path.resolve().is_relative_to(self.root)
        except (OSError, RuntimeError):
            # A link that leads to itself.
            return False

    def scribble(self, key: str) -> Path:
        """Where the scribble of an image is, or will be.

        Raises:
            NotFound: A link leads out of the folder.
        """
        return self.inside(self.root / (find_alias(self.root, ('scribble', 'scribbles')) or 'scribble') / f'{key}.png')

    def scribbles(self) -> set[str]:
        """Keys that have a scribble."""
        name = find_alias(self.root, ('scribble', 'scribbles'))
        return set(by_key(self.root / name, LABEL_SUFFIXES)) if name else set()

    @property
    def box_file(self) -> Path:
        """The table of boxes."""
        return self.inside(self.root / 'boxes.csv')

    def truth(self) -> Path | None:
        """Folder of ground truth, where there is one."""
        name = find_alias(self.root, MASK_FOLDERS)
        return self.root / name if name else None

    def models(self) -> list[str]:
        """Runs of the page that have a checkpoint, the newest last."""
        folder = self.own / 'models'
        runs = folders_in(folder) if folder.is_dir() else []
        return [run.name for run in runs if any(run.glob('iter_*.pth'))]

    def next_model(self) -> str:
        """A name for a new run."""
        folder = self.own / 'models'
        taken = [int(p.name[6:]) for p in folder.glob('model-*') if p.name[6:].isdigit()] if folder.is_dir() else []
        return f'model-{max(taken, default=0) + 1}'

    def maps(self, model: str) -> Path:
        """Folder of the maps of a model, by its short name.

        Raises:
            NotFound: The name holds a path.
        """
        return self.own / 'maps' / plain_name(model)

    def map(self, model: str, key: str, kind: str = 'mask') -> Path:
        """A result of an image; whether it is there is another question."""
        if kind not in ('mask', 'cutout'):
            raise NotFound(f'there is no result called {kind!r}.')
        return self.inside(self.maps(model) / kind / f'{key}.png')

    def mapped(self) -> list[str]:
        """Models that have maps, the one that was run last first."""
        folder = self.own / 'maps'
        found = [path for path in folders_in(folder) if (path / 'mask').is_dir()] if folder.is_dir() else []
        return [path.name for path in sorted(found, key=lambda path: -(path / 'mask').stat().st_mtime_ns)]

    def videos(self) -> dict[str, Path]:
        """Video files in the folder and in ``video/``, and the folders of frames there, by relative path."""
        places = [self.root, *(self.root / name for name in VIDEO_FOLDERS if (self.root / name).is_dir())]
        found = {str(p.relative_to(self.root)): p for place in places for p in _videos_in(place, place != self.root)}
        return {name: found[name] for name in sorted(found, key=natural_key) if self._is_inside(found[name])}

    def video(self, name: str) -> Path:
        """A video by its relative path.

        Raises:
            NotFound: There is none.
        """
        found = self.videos().get(name)
        if found is None:
            raise NotFound(f'there is no video {name!r} in {self.root}; it was removed or renamed. Reload the page.')
        return found

    def track(self, name: str) -> Path:
        """Folder of the results of a video, which two of one name in two folders do not have in common."""
        return self.inside(self.own / 'tracks' / name)


def plain_name(name: str) -> str:
    """A name that is no path.

    Raises:
        NotFound: It is one, or empty.
    """
    if not name or name.startswith('.') or any(mark in name for mark in '/\\\0'):
        raise NotFound(f'{name!r} is no name of a model.')
    return name


def _videos_in(place: Path, folders: bool) -> Iterator[Path]:
    for path in place.iterdir():
        if is_stray(path):
            continue
        if path.is_dir():
            if folders and by_stem(path):
                yield path
        elif path.suffix.lower() in VIDEO_SUFFIXES or (path.suffix.lower() == '.gif' and is_video(path)):
            yield path
