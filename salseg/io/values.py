"""Raw values of a one-channel file, and what can be known of it without knowing what it means."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypedDict

import cv2
import numpy as np
from PIL import Image, ImageOps

from salseg.errors import DataError, LabelError
from salseg.io.files import PathLike, read_bytes
from salseg.io.images import BROKEN, open_image

ORIENTATION = 0x0112
# A palette with so many greys is that of a grey image which was saved to be smaller, and no list of colours for ids.
_GREYS_OF_A_RAMP = 100
_COLOUR_SPACES = ('CMYK', 'YCbCr', 'LAB', 'HSV')


@dataclass(frozen=True)
class Values:
    """Decoded file.

    Attributes:
        path: The file.
        raw: (H, W) uint8, uint16 or float32 as stored; the indices of a palette file; 0 and 1 of a file of one bit.
        shown: (H, W) uint8 greys that a viewer shows, where a palette of greys says so; None else.
        palette: Whether ``raw`` are indices of colours, which is how object ids are saved.
        one_bit: Whether the file has one bit per pixel.
        lossy: Whether the format changes values, so that ids cannot survive in it.
        alpha: Whether the values were taken from the alpha channel, as the colour says nothing.
        turned: Whether the file has an EXIF orientation that is not applied here.
    """

    path: Path
    raw: np.ndarray
    shown: np.ndarray | None = None
    palette: bool = False
    one_bit: bool = False
    lossy: bool = False
    alpha: bool = False
    turned: bool = False

    @property
    def grey(self) -> np.ndarray:
        """What a viewer shows of a grey file: the palette's greys, else the raw values."""
        return self.raw if self.shown is None else self.shown

    @cached_property
    def present(self) -> list[float]:
        """Different raw values, ascending."""
        return present_values(self.raw)

    @property
    def highest(self) -> float:
        """Largest raw value; 0 of a file without pixels."""
        return self.present[-1] if self.present else 0

    @property
    def listed(self) -> str:
        """The first twelve values, for a message."""
        text = ', '.join(f'{value:g}' for value in self.present[:12])
        return text + (', ...' if len(self.present) > 12 else '')

    @property
    def origin(self) -> str:
        """Where the values come from, for a message."""
        return ' in its alpha channel' if self.alpha else ''


class _Facts(TypedDict):
    lossy: bool
    turned: bool


# Up to so many values are looked for one after the other.
_FEW = 8


def present_values(values: np.ndarray) -> list[float]:
    """Different values, ascending; a histogram where that can be had, as sorting takes twenty times as long."""
    if values.dtype in (np.uint8, np.uint16) and values.size:
        levels = 256 if values.dtype == np.uint8 else 65536
        few = _few_values(values, levels)
        if few is not None:
            return few
        histogram = cv2.calcHist([np.ascontiguousarray(values)], [0], None, [levels], [0, levels])
        return np.flatnonzero(histogram).tolist()
    return np.unique(values).tolist()


def _few_values(values: np.ndarray, levels: int) -> list[float] | None:
    """As `present_values` where there are fewer than `_FEW`, else None.

    A pass for each: a histogram of a map of few values takes ten times as long, since it counts up the same number again
    and again.
    """
    found: list[float] = []
    start = 0
    while start < levels and len(found) < _FEW:
        # What is below the start wraps around, and is then larger than all that is not.
        start += int((values - values.dtype.type(start)).min())
        if start < levels:
            found.append(start)
        start += 1
    return found if len(found) < _FEW else None


def read_values(path: PathLike, orient: bool = False) -> Values:
    """Decode an annotation or a map, whatever it means.

    Args:
        path: The file.
        orient: Whether an EXIF orientation is applied. Those of published sets are not: their authors ignore it on both
            sides.

    Raises:
        DataError: The file is missing, empty, broken, or holds several images.
        LabelError: It is in colour, or its pixels are partly transparent and it cannot be told what counts.
    """
    path = Path(path)
    data = read_bytes(path, 'annotation')
    try:
        with open_image(path, data) as image:
            if getattr(image, 'n_frames', 1) > 1 and image.format != 'MPO':
                raise DataError(f'{path} holds {image.n_frames} images; expected one. Save each in a file of its own.')
            image.load()
            turned = image.getexif().get(ORIENTATION, 1) not in (0, 1)
            facts = _Facts(lossy=_is_lossy(image, data), turned=turned and not orient)
            deep = _deep_colour(image, data)
            if turned and orient:
                image = ImageOps.exif_transpose(image)
            if deep is None:
                return _decoded(path, image, facts)
            return _from_channels(path, deep, facts)
    except DataError:
        raise
    except BROKEN as error:
        raise DataError(f'{path} cannot be read: {error}. Write it again or take it off the list.') from error


def _is_lossy(image: Image.Image, data: bytes) -> bool:
    # 'VP8 ' is WebP's lossy kind, 'VP8L' the lossless one.
    return image.format in ('JPEG', 'MPO') or (image.format == 'WEBP' and b'VP8 ' in data[:64])


def _deep_colour(image: Image.Image, data: bytes) -> np.ndarray | None:
    """Channels of 16 bits, of which Pillow would keep the upper 8: masks of 0 and 1 would come out black."""
    if image.format == 'PNG':
        deep = data[24] == 16 and data[25] in (2, 4, 6)
    elif image.format == 'TIFF':
        deep = len(image.getbands()) > 1 and 16 in getattr(image, 'tag_v2', {}).get(258, ())
    else:
        deep = False
    if not deep:
        return None
    # Blue first, alpha last, which is all the same to the code that follows.
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)


def _decoded(path: Path, image: Image.Image, facts: _Facts) -> Values:
    if image.mode == 'P':
        return _from_palette(path, image, facts)
    if image.mode in _COLOUR_SPACES:
        image = image.convert('RGB')
    elif image.mode == 'PA':
        image = image.convert('RGBA')
    values = np.array(image)
    if values.dtype == bool:
        return Values(path, values.astype(np.uint8), one_bit=True, **facts)
    if values.ndim == 3:
        return _from_channels(path, values, facts)
    return Values(path, _plain_type(path, values), **facts)


def _plain_type(path: Path, values: np.ndarray) -> np.ndarray:
    """Values as uint8, uint16 or float32."""
    if values.dtype.kind == 'f':
        if not np.isfinite(values).all() or values.min(initial=0) < 0 or values.max(initial=0) > 255:
            raise LabelError(
                f'{path} holds numbers with a point from {values.min():g} to {values.max():g}; expected 0 to 1 or 0 to '
                '255. Save 8 bits of grey.'
            )
        return values.astype(np.float32)
    if values.dtype in (np.uint8, np.uint16):
        return values
    if values.min(initial=0) < 0 or values.max(initial=0) > 65535:
        raise LabelError(
            f'{path} holds integers from {values.min()} to {values.max()}; expected at most 16 bits, 0 to 65535. Save 8 '
            'bits: grey, or a palette PNG with ids up to 254.'
        )
    return values.astype(np.uint16)


def _from_palette(path: Path, image: Image.Image, facts: _Facts) -> Values:
    indices = np.array(image)
    colours = np.zeros((256, 3), np.uint8)
    given = np.asarray(image.getpalette('RGB') or [], np.uint8)[: 3 * 256].reshape(-1, 3)
    colours[: len(given)] = given
    is_grey = (given == given[:, :1]).all()
    if is_grey and len(np.unique(given[:, 0])) >= _GREYS_OF_A_RAMP:
        return Values(path, colours[:, 0][indices], **facts)
    # Ids are saved with colours; black and white, or greys, are a mask that was saved to be smaller.
    if is_grey and len(given):
        return Values(path, indices, shown=colours[:, 0][indices], **facts)
    return Values(path, indices, palette=True, **facts)


def _from_channels(path: Path, values: np.ndarray, facts: _Facts) -> Values:
    """One channel of (H, W, 2..4): grey or three colours, then alpha."""
    with_alpha = values.shape[2] in (2, 4)
    colours = values[..., :-1] if with_alpha else values
    if not (colours == colours[..., :1]).all():
        raise LabelError(
            f'{path} is a colour image {values.shape}; an annotation has one channel. Save masks and soft maps in grey, '
            'object ids as a palette PNG (its colours are then only for viewers).'
        )
    grey = np.ascontiguousarray(colours[..., 0])
    if not with_alpha:
        return Values(path, grey, **facts)
    return _from_alpha(path, grey, np.ascontiguousarray(values[..., -1]), facts)


def _from_alpha(path: Path, grey: np.ndarray, alpha: np.ndarray, facts: _Facts) -> Values:
    opaque = np.iinfo(alpha.dtype).max
    if (alpha == opaque).all():
        return Values(path, grey, **facts)
    if (grey == grey.flat[0]).all():
        return Values(path, alpha, alpha=True, **facts)
    hidden = int(np.count_nonzero((alpha == 0) & (grey != 0)))
    partly = int(np.count_nonzero((alpha > 0) & (alpha < opaque)))
    if hidden or partly:
        raise LabelError(
            f'{path} has an alpha channel that says something else than its grey values: {hidden} invisible pixels are '
            f'not 0, {partly} are half transparent. Flatten it on black and save it without transparency.'
        )
    return Values(path, grey, **facts)
