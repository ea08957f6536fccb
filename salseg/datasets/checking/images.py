"""Look at one image and its annotations, as the loaders would read them."""

import hashlib
from dataclasses import dataclass, field

import cv2
import numpy as np

from salseg.errors import DataError, LabelError
from salseg.io.annotations import UNKNOWN, decode, grey_truth
from salseg.io.images import read_image, read_orientation
from salseg.io.values import Values, read_values

DENSE = 0.25
SKETCH = 16


@dataclass(frozen=True)
class Item:
    """An image and what belongs to it.

    Attributes:
        group: Group or video, '' for single images.
        stem: Name without suffix.
        image: File, None where only the annotation is there.
        labels: Role and file: 'mask' (binary or soft), 'scribble', 'ids', or 'object' (one binary file per object).
    """

    group: str
    stem: str
    image: str | None
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """As a list names it."""
        return f'{self.group}/{self.stem}' if self.group else self.stem


@dataclass
class Facts:
    """What was seen of an item.

    Attributes:
        size: (height, width) of the image.
        digest: Of its pixels.
        perceptual_hash: 256 bits that stay when it is resized or encoded anew; None for a flat image.
        ids: Object ids of its annotation, without 255; None if there is none or it cannot be read.
        void: How much of its annotation is 255, in words; '' where nothing is.
        palette: Whether its label files have a palette, in their order.
        scale: Largest value of its binary masks, 1 or 255, None where it is neither.
        problems: Kind, role ('' for the image) and detail.
    """

    size: tuple[int, int] | None = None
    digest: bytes | None = None
    perceptual_hash: bytes | None = None
    ids: tuple[int, ...] | None = None
    void: str = ''
    palette: list[bool] = field(default_factory=list)
    scale: int | None = None
    problems: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, kind: str, role: str = '', detail: str = '') -> None:
        """Note a problem."""
        self.problems.append((kind, role, detail))


def examine(item: Item, video: bool = False, labels: bool = True) -> Facts:
    """Read the files of an item and judge them.

    Args:
        item: Files.
        video: An empty annotation is then a frame in which all objects are away.
        labels: Whether annotations are looked at.
    """
    facts = Facts()
    if item.image is not None:
        _image(item.image, facts)
    if labels:
        values = {}
        for role, path in item.labels:
            grey = _label(path, role, facts, video)
            if grey is not None:
                values[role] = grey
        if 'scribble' in values and 'mask' in values:
            _scribbles_against_mask(values['scribble'], values['mask'], facts)
    return facts


def _image(path: str, facts: Facts) -> None:
    try:
        pixels = read_image(path)
        turned = read_orientation(path) != 1
    except DataError as error:
        facts.add('unreadable', '', _short(error, path))
        return
    height, width = pixels.shape[:2]
    facts.size = height, width
    facts.digest = hashlib.blake2b(pixels.data, digest_size=16, salt=b'%dx%d' % (height, width)).digest()
    facts.perceptual_hash = perceptual_hash(pixels)
    if turned:
        facts.add('exif')


def perceptual_hash(pixels: np.ndarray) -> bytes | None:
    """Signs of the horizontal slopes of an image at 16 x 17 pixels, 32 bytes; None where it is nearly flat."""
    grey = cv2.resize(pixels.mean(2, dtype=np.float32), (SKETCH + 1, SKETCH), interpolation=cv2.INTER_AREA)
    slopes = np.diff(grey, axis=1)
    if np.abs(slopes).mean() < 1:
        return None
    return np.packbits(slopes > 0).tobytes()


def _label(path: str, role: str, facts: Facts, video: bool) -> np.ndarray | None:
    """An annotation as training reads it, judged; None where that refuses it."""
    try:
        values = read_values(path)
    except LabelError as error:
        facts.add('colour-label', role, _short(error, path))
        return None
    except DataError as error:
        facts.add('unreadable', role, _short(error, path))
        return None
    _note_form(values, role, facts)
    try:
        seen = grey_truth(values) if role in ('mask', 'object') else decode(values, _ENCODINGS[role])
    except LabelError as error:
        facts.add(*_contradiction(role, error, path))
        if role in ('mask', 'ids') and error.fits == 'index':
            facts.ids = tuple(int(value) for value in values.present if value)
        return None
    _JUDGES[role](seen, _histogram(seen), facts, video)
    return seen


def _note_form(values: Values, role: str, facts: Facts) -> None:
    size = values.raw.shape
    if facts.size is not None and size != facts.size:
        facts.add('size-differs', role, f'image {_size(facts.size)}, {role} {_size(size)}')
    if values.lossy:
        facts.add('jpeg-label', role)
    if values.raw.dtype != np.uint8 or values.alpha:
        facts.add('odd-mode', role, 'in the alpha channel' if values.alpha else f'{values.raw.dtype}')
    if values.turned:
        facts.add('exif-label', role)
    facts.palette.append(values.palette)
    if role == 'mask' and not values.palette and values.highest in (1, UNKNOWN):
        facts.scale = int(values.highest)


def _contradiction(role: str, error: LabelError, path: str) -> tuple[str, str, str]:
    kinds = {'mask': 'ids-as-mask', 'object': 'ids-as-mask', 'scribble': 'scribble-codes', 'ids': 'soft-ids'}
    fitting = role == 'scribble' or (error.fits == 'index') == (role in ('mask', 'object'))
    detail = _short(error, path)
    if role == 'scribble' and error.fits == 'binary':
        detail += ': scribbles of one class as 0 and 255, as in releases with a folder per class'
    return kinds[role] if fitting and error.fits else 'wrong-values', role, detail


def _histogram(values: np.ndarray) -> np.ndarray:
    # Ten times as fast as numpy's, and other threads continue meanwhile.
    return cv2.calcHist([np.ascontiguousarray(values)], [0], None, [256], [0, 256]).ravel()


def _judge_mask(values: np.ndarray, histogram: np.ndarray, facts: Facts, video: bool) -> None:
    between = histogram[1:255].sum() / values.size
    if between:
        present = np.count_nonzero(histogram)
        facts.add('grey-edges', 'mask', f'{present} values, {between:.2%} of the pixels between 0 and 255')
    fraction = histogram[128:].sum() / values.size
    facts.ids = (1,) if fraction else ()
    _judge_fraction(fraction, facts, video)


def _judge_fraction(fraction: float, facts: Facts, video: bool) -> None:
    if fraction == 0:
        facts.add('away' if video else 'empty-mask', 'mask')
    elif fraction == 1:
        facts.add('full-mask', 'mask')


def _judge_object(values: np.ndarray, histogram: np.ndarray, facts: Facts, video: bool) -> None:
    # Files of one object in one video: number them in the order they come.
    known = facts.ids or ()
    facts.ids = (*known, len(facts.palette)) if histogram[1:].any() else known
    between = histogram[1:255].sum() / values.size
    if between and np.count_nonzero(histogram) > 2:
        facts.add('grey-edges', 'object', f'{between:.2%} of the pixels between 0 and 255')


def _judge_ids(values: np.ndarray, histogram: np.ndarray, facts: Facts, video: bool) -> None:
    present = [int(value) for value in np.flatnonzero(histogram)]
    ids = facts.ids = tuple(value for value in present if 0 < value < UNKNOWN)
    if UNKNOWN in present:
        # Whether it is void or the object is known when all files of the video were seen.
        facts.void = f'{histogram[UNKNOWN] / values.size:.2%} of the pixels'
    elif not ids:
        facts.add('away' if video else 'empty-mask', 'ids')
    elif histogram[0] == 0 and len(present) == 1:
        facts.add('full-mask', 'ids')


def _judge_scribble(values: np.ndarray, histogram: np.ndarray, facts: Facts, video: bool) -> None:
    foreground, background = histogram[1], histogram[0]
    if foreground == background == 0:
        facts.add('no-scribble', 'scribble')
    elif foreground == 0 or background == 0:
        facts.add('one-scribble', 'scribble', 'no object scribble' if foreground == 0 else 'no background scribble')
    fraction = (foreground + background) / values.size
    if fraction > DENSE:
        facts.add('dense-scribble', 'scribble', f'{fraction:.1%} of the pixels')


def _scribbles_against_mask(scribble: np.ndarray, mask: np.ndarray, facts: Facts) -> None:
    if scribble.shape != mask.shape:
        return
    inside = mask >= 128
    outside = int(np.count_nonzero((scribble == 1) & ~inside))
    within = int(np.count_nonzero((scribble == 0) & inside))
    if outside or within:
        facts.add(
            'scribble-off-mask', 'scribble', f'{outside} object pixels outside, {within} background pixels inside'
        )


_ENCODINGS = {'scribble': 'scribble', 'ids': 'index'}
_JUDGES = {'mask': _judge_mask, 'scribble': _judge_scribble, 'ids': _judge_ids, 'object': _judge_object}


def _size(shape: tuple[int, ...]) -> str:
    return f'{shape[1]}x{shape[0]}'


def _short(error: Exception, path: str) -> str:
    """First line of a message, without the path that stands before it anyway."""
    return (str(error).splitlines() or [type(error).__name__])[0].replace(str(path), '').strip(' :.')
