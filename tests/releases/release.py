"""What a maker is asked for, what it writes and what it says is true of the result."""

import io
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from tests.releases.drawing import PALETTE

FORMATS = {'.jpg': 'JPEG', '.jpeg': 'JPEG', '.png': 'PNG', '.bmp': 'BMP', '.pgm': 'PPM', '.ppm': 'PPM'}


@dataclass
class Part:
    """One folder of the converted tree: its images and masks by key, as they are to be read after conversion.

    `encoding` says what `masks` hold: 'binary' 0 and 1 (files 0/255), 'index' ids with 255 void, 'scribble' the codes
    0, 1, 2. `images` are RGB, uint8. `image_files` and `mask_files` are the raw files, relative to the source.
    """

    place: str = ''
    image_folder: str = 'image'
    mask_folder: str = 'mask'
    encoding: str = 'binary'
    images: dict[str, np.ndarray] = field(default_factory=dict)
    masks: dict[str, np.ndarray] = field(default_factory=dict)
    image_files: dict[str, Path] = field(default_factory=dict)
    mask_files: dict[str, list[Path]] = field(default_factory=dict)
    # (height, width) of what is resized by the conversion; its truth above has the size of the release.
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    # By how many pixels a resized side may differ: 0 where the rule of rounding is published.
    slack: int = 1
    # Pixels that are not compared (an edge whose rasterisation is free, a crowd).
    unsure: dict[str, np.ndarray] = field(default_factory=dict)
    # Frames are matched by the number in their name, since the conversion may rename them.
    by_number: bool = False
    # Ids say which pixels belong together, not which number they have.
    relabelled: bool = False
    # Not every converter makes this part; compared where it is there.
    optional: bool = False

    def __post_init__(self) -> None:
        if self.encoding not in ('binary', 'index', 'scribble'):
            raise ValueError(f'encoding {self.encoding!r}')

    def groups(self) -> dict[str, list[str]]:
        """Keys without their last part: class, group or video, each with its stems in order."""
        found: dict[str, list[str]] = {}
        for key in self.images or self.masks:
            head, _, stem = key.rpartition('/')
            found.setdefault(head, []).append(stem)
        return found


@dataclass
class Release:
    """A written archive and its truth; `source` is what `salseg convert NAME` is given."""

    name: str
    kind: str
    variant: str
    source: Path
    parts: list[Part] = field(default_factory=list)
    # Keys that are in the release and not to be in the result, each with the reason.
    left_out: dict[str, str] = field(default_factory=dict)
    # Lists of the result, relative to data/<NAME>, with their entries in any order.
    lists: dict[str, list[str]] = field(default_factory=dict)
    # Releases that have to be converted before this one.
    before: tuple['Release', ...] = ()
    # data/<target>/, where the result lies.
    target: str = ''
    # 'all': the release says that every image (or frame of these parts) has a mask, so a missing one can be noticed.
    # 'some': images without a mask are normal. 'file': masks are not files of their own.
    annotated: str = 'all'
    notes: list[str] = field(default_factory=list)

    def part(self, place: str = '') -> Part:
        return next(part for part in self.parts if part.place == place)

    @property
    def images(self) -> dict[str, np.ndarray]:
        return self.parts[0].images

    @property
    def masks(self) -> dict[str, np.ndarray]:
        return self.parts[0].masks

    @property
    def counts(self) -> dict[str, int]:
        """Of the first part: images, masks (pairs or annotated frames) and groups (classes, groups, videos)."""
        part = self.parts[0]
        return {'images': len(part.images), 'masks': len(part.masks), 'groups': len(part.groups())}


@dataclass(frozen=True)
class Order:
    """What a maker is asked for; what is None is the maker's own choice.

    `length` is images per set, images per group or frames per video. `names` are stems, groups or videos, or these by
    split. `every` is the distance of annotated frames in sets that annotate few. `lengths` are frames of single videos.
    """

    folder: Path
    seed: int = 0
    size: tuple[int, int] | None = None
    length: int | None = None
    names: Iterable[str] | Mapping[str, Iterable[str]] | None = None
    every: int | None = None
    lengths: Mapping[str, int] = field(default_factory=dict)

    def splits(self, **default: Iterable[str]) -> dict[str, list[str]]:
        """Names by split; names given without a split all belong to the first."""
        if self.names is None:
            return {split: list(names) for split, names in default.items()}
        if isinstance(self.names, Mapping):
            return {split: list(names) for split, names in self.names.items()}
        return {next(iter(default)): list(self.names)}


Make = Callable[[Order], Release]


@dataclass(frozen=True)
class Maker:
    """The forms of one NAME in circulation; the first is the release's own."""

    name: str
    kind: str
    variants: dict[str, Make]


@lru_cache(maxsize=2048)
def encoded(raw: bytes, shape: tuple[int, ...], suffix: str, mode: str, orientation: int) -> bytes:
    """The file of an array. Cached, so that videos of one scene are compressed once."""
    array = np.frombuffer(raw, np.uint8).reshape(shape)
    picture = Image.fromarray(array)
    if mode == 'P':
        picture = Image.fromarray(array, mode='P')
        picture.putpalette(PALETTE + (0,) * (762 - len(PALETTE)) + (224, 224, 192) * 2)
    elif mode == '1':
        picture = picture.convert('1')
    options: dict = {}
    if FORMATS[suffix] == 'JPEG':
        options = {'quality': 92, 'subsampling': 0}
        if orientation != 1:
            exif = Image.Exif()
            exif[0x0112] = orientation
            options['exif'] = exif
    file = io.BytesIO()
    picture.save(file, FORMATS[suffix], **options)
    return file.getvalue()


def file_of(path: str, array: np.ndarray, mode: str = '', orientation: int = 1) -> bytes:
    """The bytes of the file at `path`, in the format of its suffix."""
    suffix = os.path.splitext(path)[1].lower()
    return encoded(np.ascontiguousarray(array).tobytes(), array.shape, suffix, mode, orientation)


@lru_cache(maxsize=2048)
def decoded(file: bytes) -> np.ndarray:
    """RGB of a file as the plain decoder gives it, without turning it by its EXIF tag."""
    array = np.asarray(Image.open(io.BytesIO(file)).convert('RGB'))
    array.setflags(write=False)
    return array


class Archive:
    """Writes the files of a release under `source` and keeps its truth."""

    def __init__(self, order: Order, name: str, kind: str, variant: str = '', annotated: str = 'all') -> None:
        source = order.folder / name
        self.release = Release(name, kind, variant, source, target=name, annotated=annotated)
        self.source = source
        self._first: dict[bytes, Path] = {}
        self._folders: set[Path] = set()

    def part(self, **fields: object) -> Part:
        part = Part(**fields)  # type: ignore[arg-type]
        self.release.parts.append(part)
        return part

    def write(self, path: str, data: bytes) -> Path:
        """A file relative to the source; equal files of one release are hard links."""
        target = self.source / path
        if target.parent not in self._folders:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._folders.add(target.parent)
        if data in self._first:
            os.link(self._first[data], target)
        else:
            target.write_bytes(data)
            self._first[data] = target
        return Path(path)

    def text(self, path: str, text: str) -> Path:
        return self.write(path, text.encode())

    def list(self, path: str, names: Iterable[str], end: str = '\n') -> Path:
        return self.text(path, ''.join(f'{name}{end}' for name in names))

    def raster(self, path: str, array: np.ndarray, mode: str = '', orientation: int = 1) -> None:
        """An image or a mask; `mode` 'P' is a palette, '1' one bit."""
        self.write(path, file_of(path, array, mode, orientation))

    def image(self, part: Part | None, key: str, path: str, array: np.ndarray, orientation: int = 1) -> None:
        self.raster(path, array, orientation=orientation)
        if part is not None:
            self.known(part, key, path, array, orientation)

    def known(self, part: Part, key: str, path: str, array: np.ndarray, orientation: int = 1) -> None:
        """The truth of an image that is written already (several keys can share one file)."""
        part.images[key] = decoded(file_of(path, array, '', orientation))
        part.image_files[key] = Path(path)

    def mask(self, part: Part, key: str, path: str, stored: np.ndarray, truth: np.ndarray, mode: str = '') -> None:
        """One mask file with the values `stored`, and what has to be read after conversion: `truth`."""
        self.raster(path, stored, mode)
        part.masks[key] = truth.astype(np.uint8)
        part.mask_files.setdefault(key, []).append(Path(path))
