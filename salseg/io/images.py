"""One reader of images for all commands: sizes are checked before anything is decoded, every fault names its file."""

import io
import os
import struct
import threading
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from salseg.errors import DataError
from salseg.io.files import read_bytes, replacing
from salseg.io.formats import FOREIGN, HEIF_PACKAGE, IMAGE_SUFFIXES, VIDEO_SUFFIXES, has_heif

__all__ = [
    'IMAGE_SUFFIXES',
    'MAX_PIXELS',
    'VIDEO_SUFFIXES',
    'fit_orientation',
    'image_size',
    'open_image',
    'over_grey',
    'read_image',
    'read_orientation',
    'read_visible',
    'turn',
    'turn_back',
    'without_grey',
    'write_png',
]

# A scan of A3 at 1000 dots per inch has 190 million pixels. What is larger is more often a file that lies.
MAX_PIXELS = 2**28
_ORIENTATION = 0x0112
# What decoders raise at files that are broken on purpose or by accident.
BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError, OverflowError, MemoryError, struct.error,
    Image.DecompressionBombError,
)  # fmt: skip
_GREY = 128
_ONE_AT_A_TIME = threading.Lock()

PathLike = str | os.PathLike


def read_image(path: PathLike, orient: bool = False, max_pixels: int | None = None) -> np.ndarray:
    """An image as (H, W, 3) uint8 RGB; transparency is dropped, 16 bits become 8, of a GIF the first frame is taken.

    Args:
        path: A regular file, or a link to one.
        orient: Turn it as its EXIF orientation says, as viewers show it. Published data sets are read as they are stored,
            since their annotations fit that.
        max_pixels: Largest size that is decoded; by default the variable SALSEG_MAX_PIXELS, else 2**28.

    Raises:
        DataError: The file is missing, no image, broken, too large, or ends early.
    """
    data = read_bytes(path, 'image')
    head = open_image(path, data, max_pixels)
    pixels = _decode(path, data, head)
    return turn(pixels, _orientation_of(head)) if orient else pixels


def read_visible(path: PathLike, max_pixels: int | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """A user's own image as it is seen: turned as EXIF says, and grey where it is transparent.

    Colours that are stored below transparent pixels are seen by nobody, and no object may be found in them. Grey is
    neither the colour of black nor of white logos.

    Returns:
        (H, W, 3) uint8 RGB, and (H, W) uint8 opacity, or None for an image without transparent pixels.

    Raises:
        DataError: As :func:`read_image`.
    """
    data = read_bytes(path, 'image')
    head = open_image(path, data, max_pixels)
    # Pillow forgets the orientation of some formats when it decodes them.
    orientation = _orientation_of(head)
    if not _has_alpha(head):
        return turn(_decode(path, data, head), orientation), None
    rgba = turn(_by_pillow(path, head, 'RGBA', len(data)), orientation)
    alpha = np.ascontiguousarray(rgba[..., 3])
    if alpha.min(initial=255) == 255:
        return np.ascontiguousarray(rgba[..., :3]), None
    return over_grey(rgba[..., :3], alpha), alpha


def over_grey(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colours (H, W, 3) uint8 laid over middle grey with the opacity (H, W) uint8."""
    weight = alpha[..., None].astype(np.float32) / 255
    return np.rint(rgb * weight + _GREY * (1 - weight)).astype(np.uint8)


def without_grey(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The colours before :func:`over_grey`, (H, W, 3) uint8; grey where nothing is left of them."""
    weight = np.maximum(alpha[..., None].astype(np.float32) / 255, 1 / 255)
    colours = np.rint((pixels - _GREY * (1 - weight)) / weight)
    return np.where(alpha[..., None] == 0, _GREY, colours).clip(0, 255).astype(np.uint8)


def image_size(path: PathLike, orient: bool = False, max_pixels: int | None = None) -> tuple[int, int]:
    """(height, width) from the file's head, without decoding it.

    Args:
        path: The file.
        orient, max_pixels: See :func:`read_image`.

    Raises:
        DataError: The file is missing, no image, or too large.
    """
    head = open_image(path, read_bytes(path, 'image'), max_pixels)
    swapped = orient and _orientation_of(head) >= 5
    return (head.width, head.height) if swapped else (head.height, head.width)


def read_orientation(path: PathLike) -> int:
    """EXIF orientation of an image, 1 to 8; 1 is upright, and what a file without the tag has.

    Raises:
        DataError: The file is missing or no image.
    """
    return _orientation_of(open_image(path, read_bytes(path, 'image')))


def fit_orientation(path: PathLike, size: tuple[int, int]) -> bool:
    """Whether an image must be turned as EXIF says to have the size (height, width) of its annotation.

    Where both ways fit, or none does, it stays as it is stored, as the authors of data sets read it.

    Raises:
        DataError: The image is missing or no image.
    """
    stored = image_size(path)
    return stored != tuple(size) and stored[::-1] == tuple(size) == image_size(path, orient=True)


def turn(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Stored pixels (H, W, ...) as a viewer shows them, for an EXIF orientation of 1 to 8."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def turn_back(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """What a viewer shows (H, W, ...) as it is stored: the inverse of :func:`turn`."""
    # All orientations but the two quarter turns are their own inverse.
    return turn(pixels, {6: 8, 8: 6}.get(orientation, orientation))


def open_image(path: PathLike, data: bytes, max_pixels: int | None = None) -> Image.Image:
    """An image file whose head is read and whose size is allowed; nothing is decoded yet.

    Args:
        path: For messages.
        data: The file's content.
        max_pixels: See :func:`read_image`.

    Raises:
        DataError: It is no image, or larger than is allowed.
    """
    has_heif()
    limit = _limit(max_pixels)
    foreign = FOREIGN.get(os.path.splitext(path)[1].lower())
    if foreign:
        # Pillow would give the small preview in a camera's raw file.
        raise DataError(f'{path} is not read: {foreign}.')
    try:
        # Pillow's own limit is one global number and an exception of its own kind; this one is checked below instead.
        with _ONE_AT_A_TIME:
            before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                head = Image.open(io.BytesIO(data))
            finally:
                Image.MAX_IMAGE_PIXELS = before
    except UnidentifiedImageError as error:
        raise DataError(f'{path} is no image that can be read{_guess(data)}.') from error
    except BROKEN as error:
        raise DataError(f'{path} is no image that can be read: {error} ({len(data)} bytes).') from error
    if head.width * head.height > limit:
        raise DataError(
            f'{path} has {head.width}x{head.height} pixels, {head.width * head.height / 1e6:.0f} millions; at most '
            f'{limit / 1e6:.0f} are read. Make it smaller, or set SALSEG_MAX_PIXELS.'
        )
    if not head.width or not head.height:
        raise DataError(f'{path} has {head.width}x{head.height} pixels; expected at least one.')
    return head


def _limit(max_pixels: int | None) -> int:
    if max_pixels is not None:
        return max_pixels
    text = os.environ.get('SALSEG_MAX_PIXELS', '')
    if not text:
        return MAX_PIXELS
    if not text.isdigit() or int(text) < 1:
        raise DataError(f'SALSEG_MAX_PIXELS is {text!r}; expected a number of pixels such as {MAX_PIXELS}.')
    return int(text)


def _guess(data: bytes) -> str:
    """What a file that no decoder knows may be instead."""
    if data[4:8] == b'ftyp' and data[8:12] in (b'heic', b'heix', b'heim', b'heis', b'hevc', b'mif1', b'msf1'):
        return f': it is HEIC, as phones write it; install {HEIF_PACKAGE}, or convert it to JPEG'
    if data[4:12] in (b'ftypavif', b'ftypavis'):
        return ': it is AVIF; install Pillow 11.3 or newer, or convert it to JPEG'
    return f' ({len(data)} bytes); replace it or take it off the list'


def _orientation_of(head: Image.Image) -> int:
    # Both decoders turn TIFF files themselves.
    if head.format == 'TIFF':
        return 1
    try:
        value = head.getexif().get(_ORIENTATION, 1)
    except BROKEN:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _has_alpha(head: Image.Image) -> bool:
    return head.mode in ('RGBA', 'LA', 'PA', 'RGBa', 'La') or ('transparency' in head.info and head.mode[0] in 'PLR')


def _decode(path: PathLike, data: bytes, head: Image.Image) -> np.ndarray:
    if head.mode == 'F' or (head.mode == 'I' and head.format == 'TIFF'):
        raise DataError(f'{path} holds numbers of 32 bits; an image has 8 or 16 bits in a channel. Convert it.')
    if not _by_opencv(head):
        return _by_pillow(path, head, 'RGB', len(data))
    if not _ends_properly(data):
        # OpenCV fills what is missing with grey and says nothing; Pillow tells.
        _by_pillow(path, head, 'RGB', len(data))
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise DataError(f'{path} cannot be decoded: {error} ({len(data)} bytes). Replace it.') from error
    if image is None:
        raise DataError(
            f'{path} cannot be decoded as an image ({len(data)} bytes). Replace it or take it off the list.'
        )
    return image


def _by_opencv(head: Image.Image) -> bool:
    """OpenCV decodes what data sets consist of; it is wrong on, or lacks, the rest."""
    if head.format in ('JPEG', 'MPO'):
        return head.mode in ('RGB', 'L')
    return head.format in ('PNG', 'WEBP', 'TIFF') and not (head.mode == 'P' and 'transparency' in head.info)


def _by_pillow(path: PathLike, head: Image.Image, mode: str, size: int) -> np.ndarray:
    try:
        return np.array(head.convert(mode))
    except BROKEN as error:
        raise DataError(f'{path} is broken: {error} ({size} bytes). Fetch it again or take it off the list.') from error


def _ends_properly(data: bytes) -> bool:
    """Cheap check that a JPEG or PNG was not cut."""
    if data[:2] == b'\xff\xd8':
        return data[-2:] == b'\xff\xd9'
    if data[:4] == b'\x89PNG':
        return data[-8:-4] == b'IEND'
    return False


def write_png(path: str | os.PathLike, image: np.ndarray, durable: bool = True) -> Path:
    """Write a PNG under a temporary name, then rename.

    Args:
        path: Target; its folder is made.
        image: (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA, uint8.
        durable: See :func:`salseg.io.files.replacing`.

    Returns:
        The path.

    Raises:
        DataError: The file cannot be written.
    """
    path = Path(path)
    order = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    if image.ndim == 3:
        image = cv2.cvtColor(image, order[image.shape[2]])
    _, data = cv2.imencode('.png', image)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, durable) as temporary:
            temporary.write_bytes(data.tobytes())
    except OSError as error:
        raise DataError(f'{path} cannot be written: {error}. Free some space or choose another folder.') from error
    return path
