"""Images and masks from disk. A mask reader is told the encoding, it never guesses."""

import io
import os
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from salseg.errors import DataError, LabelError

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')
MASK_SUFFIXES = ('.png', '.bmp', '.jpg', '.jpeg', '.pgm', '.ppm')
ENCODINGS = ('binary', 'soft', 'index', 'scribble')
UNKNOWN = 255
# Released scribbles of S-DUTS: 0 unknown, 1 object, 2 background.
_SCRIBBLE_TO_LABEL = np.full(256, UNKNOWN, np.uint8)
_SCRIBBLE_TO_LABEL[1], _SCRIBBLE_TO_LABEL[2] = 1, 0

PathLike = str | os.PathLike


def read_image(path: PathLike) -> np.ndarray:
    """An image as (H, W, 3) uint8 RGB. EXIF orientation is ignored, as masks carry none.

    Raises:
        DataError: The file is missing, is no image, or ends early.
    """
    data = _read_bytes(path, 'image')
    if not _ends_properly(data):
        _verify(path, data)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise DataError(
            f'{path} cannot be decoded as an image ({len(data)} bytes). Replace it or take it off the list.'
        )
    return image


def read_mask(path: PathLike, encoding: str) -> np.ndarray:
    """An annotation in salseg's encoding.

    Args:
        path: An image; a palette file gives its indices.
        encoding: 'binary': foreground is at least half of full scale, files of only 0 and 1 count as 0/1; 'soft': grey value
            / 255; 'index': object ids, 255 unknown; 'scribble': 0 unknown, 1 object, 2 background.

    Returns:
        (H, W) uint8 labels (0 background, 1..254 objects, 255 unknown), or float32 in [0, 1] for 'soft'.

    Raises:
        DataError: The file is missing or broken, or the encoding is unknown.
        LabelError: The file holds what the encoding does not have.
    """
    if encoding not in ENCODINGS:
        raise DataError(f'unknown label encoding {encoding!r}; expected one of {", ".join(ENCODINGS)}.')
    grey = read_grey(path, encoding)
    if encoding == 'soft':
        return grey.astype(np.float32) / 255
    if encoding == 'index':
        return grey
    if encoding == 'scribble':
        codes = np.unique(grey)
        if codes[-1] > 2:
            raise LabelError(
                f'{path} holds the codes {", ".join(map(str, codes[:12]))}; a scribble has 0 unknown, 1 object, 2 background.\n'
                "  `encoding='index'` reads object ids, `encoding='binary'` full masks."
            )
        return _SCRIBBLE_TO_LABEL[grey]
    return (grey >= binary_threshold(grey)).astype(np.uint8)


def binary_threshold(grey: np.ndarray) -> int:
    """Smallest grey value that is foreground: 128, or 1 where a file holds only 0 and 1."""
    return 1 if grey.max(initial=0) <= 1 else 128


def read_grey(path: PathLike, encoding: str = 'binary') -> np.ndarray:
    """Raw values of a one-channel annotation, (H, W) uint8.

    Raises:
        DataError: The file is missing or broken.
        LabelError: It is a colour image.
    """
    data = _read_bytes(path, 'mask')
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            # Palette files hold indices: converting them through colours would change the ids.
            values = np.asarray(image if image.mode in ('P', 'L', '1') else image.convert(_plain_mode(image)))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise DataError(f'{path} cannot be read as a mask: {error}. Replace it or take it off the list.') from error
    if values.dtype == bool:
        return values.astype(np.uint8)
    if values.ndim == 3:
        values = _one_channel(path, values, encoding)
    return values.astype(np.uint8)


def image_size(path: PathLike) -> tuple[int, int]:
    """(height, width) from the file's head, without decoding it.

    Raises:
        DataError: The file is missing or no image.
    """
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except FileNotFoundError as error:
        raise DataError(f'{path} does not exist.') from error
    except (UnidentifiedImageError, OSError) as error:
        raise DataError(f'{path} is no image: {error}.') from error


def _plain_mode(image: Image.Image) -> str:
    return 'L' if image.mode in ('LA', 'I;16', 'I', 'F') else 'RGB'


def _one_channel(path: PathLike, values: np.ndarray, encoding: str) -> np.ndarray:
    if (values[..., :1] == values[..., :3]).all():
        return values[..., 0]
    raise LabelError(
        f'{path} is a colour image {values.shape}; the encoding {encoding!r} needs one channel with '
        f'{_meaning(encoding)}.\n  Save it as a grey or palette PNG (colours become ids in a palette file).'
    )


def _meaning(encoding: str) -> str:
    return {
        'scribble': '0 unknown, 1 object, 2 background',
        'index': 'object ids',
        'soft': 'grey values 0..255',
    }.get(encoding, '0 and 255')


def _read_bytes(path: PathLike, what: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        folder = Path(path).parent
        around = sorted(p.name for p in folder.iterdir())[:3] if folder.is_dir() else None
        found = (
            f'{folder} holds {", ".join(around) or "nothing"}, ...'
            if around is not None
            else f'{folder} does not exist'
        )
        raise DataError(f'the {what} {path} does not exist; {found}. Check the list file and the data root.') from error
    except OSError as error:
        raise DataError(f'the {what} {path} cannot be read: {error}.') from error


def _ends_properly(data: bytes) -> bool:
    """Cheap check that a JPEG or PNG was not cut: OpenCV fills what is missing with grey and says nothing."""
    if data[:2] == b'\xff\xd8':
        return data[-2:] == b'\xff\xd9'
    if data[:4] == b'\x89PNG':
        return data[-8:-4] == b'IEND'
    return False


def _verify(path: PathLike, data: bytes) -> None:
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    except UnidentifiedImageError as error:
        raise DataError(f'{path} is no image that can be read ({len(data)} bytes).') from error
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(
            f'{path} is broken: {error} ({len(data)} bytes). Fetch it again or take it off the list.'
        ) from error
