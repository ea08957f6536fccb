"""Which files are images and which are videos: one table for all commands, and words for what is not read."""

import functools
import importlib
import importlib.util
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image, features

Kind = Literal['image', 'video', 'image or video']
HEIF_PACKAGE = 'pillow-heif'


@dataclass(frozen=True)
class Format:
    """A kind of file that can be read.

    Attributes:
        kind: An animated GIF is a video, any other an image.
        reader: The library that decodes it.
        needs: What must be installed for it that does not come with salseg; empty for nothing.
    """

    kind: Kind
    reader: str
    needs: str = ''


# The order counts: where a name has several images, the suffix that comes first is taken.
FORMATS: dict[str, Format] = {
    **dict.fromkeys(('.jpg', '.jpeg', '.png'), Format('image', 'OpenCV')),
    '.bmp': Format('image', 'Pillow'),
    **dict.fromkeys(('.webp', '.tif', '.tiff', '.jfif'), Format('image', 'OpenCV')),
    **dict.fromkeys(('.ppm', '.pgm', '.jp2'), Format('image', 'Pillow')),
    '.gif': Format('image or video', 'Pillow'),
    '.avif': Format('image', 'Pillow', 'Pillow 11.3 or newer'),
    **dict.fromkeys(('.heic', '.heif'), Format('image', 'Pillow', HEIF_PACKAGE)),
    **dict.fromkeys(
        ('.mp4', '.m4v', '.mov', '.avi', '.mkv', '.webm', '.mpg', '.mpeg', '.wmv'), Format('video', 'OpenCV')
    ),
    **dict.fromkeys(('.mts', '.m2ts', '.ts', '.vob', '.mxf'), Format('video', 'OpenCV')),
    **dict.fromkeys(('.3gp', '.3g2', '.flv', '.ogv'), Format('video', 'OpenCV')),
}
# Known to hold images, but read by nothing here.
FOREIGN = {
    **dict.fromkeys(
        ('.cr2', '.cr3', '.nef', '.arw', '.dng', '.raf', '.orf', '.rw2'), 'raw of a camera, export as JPEG'
    ),
    **dict.fromkeys(('.psd', '.xcf', '.svg', '.pdf', '.exr', '.hdr', '.jxl', '.ico', '.tga'), 'export as PNG'),
}


@functools.cache
def has_heif() -> bool:
    """Whether HEIC can be read; the first call registers the package with Pillow."""
    if importlib.util.find_spec('pillow_heif') is None:
        return False
    importlib.import_module('pillow_heif').register_heif_opener()
    return True


def missing_reader(suffix: str) -> str:
    """What must be installed before files of this suffix can be read; empty where nothing is missing."""
    needs = FORMATS[suffix.lower()].needs
    if needs == HEIF_PACKAGE:
        return '' if has_heif() else needs
    return '' if not needs or features.check('avif') else needs


IMAGE_SUFFIXES = tuple(s for s, f in FORMATS.items() if f.kind != 'video' and not missing_reader(s))
VIDEO_SUFFIXES = tuple(s for s, f in FORMATS.items() if f.kind == 'video')


def is_image(path: str | Path) -> bool:
    """Whether a file is an image by its name; a GIF that moves is a video."""
    path = Path(path)
    return path.suffix.lower() in IMAGE_SUFFIXES and not is_video(path)


def is_video(path: str | Path) -> bool:
    """Whether a file is a video by its name; of a GIF, whether it has several frames."""
    path = Path(path)
    if path.suffix.lower() != '.gif':
        return path.suffix.lower() in VIDEO_SUFFIXES
    # Opening a pipe would wait for its writer.
    if not path.is_file():
        return False
    try:
        with Image.open(path) as image:
            return bool(getattr(image, 'is_animated', False))
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        return False


def why_not_read(path: str | Path) -> str:
    """What to do about a file that is not read as an image, in a few words; empty where nothing is known."""
    suffix = Path(path).suffix.lower()
    if is_video(path):
        return 'a video, name it alone'
    if suffix in FORMATS:
        needs = missing_reader(suffix)
        return f'install {needs}, or convert to JPEG' if needs else ''
    return FOREIGN.get(suffix, '')


def lost_images(paths: Iterable[Path]) -> list[Path]:
    """Those of some unread files that are images, which another library could read."""
    return [p for p in paths if p.suffix.lower() in FOREIGN or (p.suffix.lower() in FORMATS and not is_video(p))]


def left_out_words(paths: Iterable[Path]) -> str:
    """How many files of which suffix are not read, and why: '3 files left out: 2 .heic (install ...), 1 .txt'."""
    counts: Counter[tuple[str, str]] = Counter()
    for path in paths:
        counts[(path.suffix.lower() or 'without a suffix', why_not_read(path))] += 1
    if not counts:
        return ''
    total = sum(counts.values())
    parts = [f'{n} {suffix}' + (f' ({why})' if why else '') for (suffix, why), n in sorted(counts.items())]
    return f'{total} file{"s" * (total > 1)} left out: {", ".join(parts)}'
