"""Annotations in salseg's encodings: the one reader for training, testing, evaluating, checking, tracking, converting.

What is read of each kind of file stands as a table in ``docs/en/files.md``; ``tests/io/test_annotations.py`` has each row.
A file that contradicts the encoding it is read with is an error that names the encoding that fits, and never a black mask.
"""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from salseg.errors import DataError, LabelError
from salseg.io.files import PathLike
from salseg.io.values import Values, present_values, read_values

# The preferred suffix first: where a stem has several files, the lossless one counts.
LABEL_SUFFIXES = ('.png', '.bmp', '.tif', '.tiff', '.pgm', '.ppm', '.gif', '.webp', '.jpg', '.jpeg')
ENCODINGS = ('binary', 'soft', 'index', 'union', 'scribble')
# Neither background nor an object: unlabelled, or void.
UNKNOWN = 255
# Grey files with a larger largest value than this, or with more values, are no object ids.
LARGEST_USUAL_ID = 40
MOST_IDS = 40
# Released scribbles of S-DUTS: 0 unknown, 1 object, 2 background.
_SCRIBBLE_TO_LABEL = np.full(256, UNKNOWN, np.uint8)
_SCRIBBLE_TO_LABEL[1], _SCRIBBLE_TO_LABEL[2] = 1, 0


def read_annotation(path: PathLike, encoding: str, orient: bool = False) -> np.ndarray:
    """An annotation in salseg's encoding.

    Args:
        path: An image of one channel.
        encoding: 'binary': foreground is at least half of full scale, files of only 0 and 1 count as 0/1; 'soft': grey value
            over full scale; 'index': object ids, 255 void; 'union': object ids of which all are one object, or a mask;
            'scribble': 0 unknown, 1 object, 2 background.
        orient: Whether an EXIF orientation is applied.

    Returns:
        (H, W) uint8 labels (0 background, 1..254 objects, 255 unknown), or float32 in [0, 1] for 'soft'.

    Raises:
        DataError: The file is missing or broken, or the encoding is unknown.
        LabelError: The file holds what the encoding does not have.
    """
    check_encoding(encoding)
    return decode(read_values(path, orient), encoding)


def check_encoding(encoding: str) -> None:
    """Refuse an encoding that does not exist.

    Raises:
        DataError: It is unknown.
    """
    if encoding not in ENCODINGS:
        raise DataError(f'unknown label encoding {encoding!r}; expected one of {", ".join(ENCODINGS)}.')


def decode(values: Values, encoding: str) -> np.ndarray:
    """What the values of a file mean in an encoding; see :func:`read_annotation`.

    Raises:
        LabelError: The file holds what the encoding does not have.
    """
    if encoding == 'soft':
        return _soft(values)
    if encoding == 'index':
        return _ids(values)
    if encoding == 'union':
        return _union(values)
    if encoding == 'scribble':
        return _SCRIBBLE_TO_LABEL[_scribble_codes(values)]
    return (grey_truth(values) >= 128).view(np.uint8)


def read_truth(path: PathLike, encoding: str | None = None) -> np.ndarray:
    """The ground truth of a saliency map: the annotation that training reads, on the scale of maps.

    Args:
        path: An image of one channel.
        encoding: As for :func:`read_annotation`, without 'scribble'. None is 'union' for files with a palette of colours,
            'binary' for all others.

    Returns:
        (H, W) uint8, 0..255. The border of a binary mask keeps its greys, cut at 128 it is what training reads. Void
        counts as background, since metrics of maps know no void.

    Raises:
        DataError: As :func:`read_annotation`.
        LabelError: As :func:`read_annotation`, or the encoding is 'scribble'.
    """
    if encoding == 'scribble':
        raise LabelError(
            f'{path} is a scribble: metrics need full masks. Set encoding to that of masks in the test set.'
        )
    if encoding is not None:
        check_encoding(encoding)
    values = read_values(path)
    encoding = encoding or ('union' if values.palette else 'binary')
    if encoding == 'binary':
        return grey_truth(values)
    if encoding == 'soft':
        return np.rint(_soft(values) * 255).astype(np.uint8)
    labels = decode(values, encoding)
    return ((labels > 0) & (labels < UNKNOWN)).astype(np.uint8) * 255


def read_map(path: PathLike) -> np.ndarray:
    """A predicted saliency map, (H, W) uint8; the objects of a palette file become 255.

    Values are not stretched: a map whose largest value is 1 is a faint one.

    Raises:
        DataError: The file is missing or broken.
        LabelError: It is in colour, or its scale cannot be told.
    """
    values = read_values(path)
    if values.palette:
        labels = _union(values)
        return (labels == 1).astype(np.uint8) * 255
    if values.raw.dtype == np.uint8:
        # A file of one bit has no faint values.
        return values.grey * 255 if values.one_bit else values.grey
    return np.rint(_soft(values) * 255).astype(np.uint8)


def are_masks(labels: Iterable[PathLike | np.ndarray]) -> bool:
    """Whether annotations of one video or set that are read as ids are masks: 0 and 255 in all of them, and no id.

    A lone file of 0 and 255 cannot tell, as 255 is void among ids. Reading ends at the first file with an id.

    Args:
        labels: Files, or what :func:`read_annotation` made of them with 'index'.

    Raises:
        DataError: A file cannot be read.
        LabelError: A file holds no ids for another reason.
    """
    full = False
    for entry in labels:
        present = present_values(entry if isinstance(entry, np.ndarray) else read_annotation(entry, 'index'))
        if any(0 < value < UNKNOWN for value in present):
            return False
        full = full or UNKNOWN in present
    return full


def check_index_labels(labels: Sequence[PathLike], where: str) -> None:
    """Refuse annotations that are read as ids and are masks of one object; see :func:`are_masks`.

    Args:
        labels: Files.
        where: The video or set, for the message.

    Raises:
        DataError: A file cannot be read.
        LabelError: 0 and 255 is all there is.
    """
    if not are_masks(labels):
        return
    origin = read_values(labels[0]).origin
    raise LabelError(
        f'{where}: its annotations, {labels[0]} the first, hold 0 and 255 only{origin} and no object id, so 255 cannot be '
        f'void: they are masks of one object. {fitting("binary")} To score them: --protocol davis16.',
        fits='binary',
    )


def fitting(encoding: str) -> str:
    """How an encoding is chosen, in Python or a config and on the command line."""
    return f"What fits: encoding='{encoding}' (--encoding {encoding})."


def grey_truth(values: Values) -> np.ndarray:
    """A mask of one object on the scale 0..255, object from 128 on.

    Raises:
        LabelError: The file is no such mask.
    """
    if values.palette:
        return _mask_of_palette(values)
    grey = values.grey
    highest = grey.max(initial=0)
    if highest <= LARGEST_USUAL_ID and _is_whole(grey):
        return _mask_of_small_values(values, highest)
    scale = _scale(values)
    eight = _eight_bits(values, scale)
    if eight.max(initial=0) < 128:
        raise LabelError(
            f'{values.path} holds the values {values.listed}{values.origin}: none reaches half of the scale, so as a mask '
            f"it would be empty. If they are a soft map: {fitting('soft')} If they are object ids: encoding='index'.",
            fits='soft',
        )
    if scale == 255 and not values.lossy and _are_ids_with_void(eight):
        raise _holds_ids(values)
    return eight


def _mask_of_small_values(values: Values, highest: float) -> np.ndarray:
    if highest and values.lossy:
        raise LabelError(
            f'{values.path} is a lossy image whose largest value is {highest:g}: a mask of 0 and 1, or ids, cannot survive '
            'that. Make it again and save it as PNG.'
        )
    if highest > 1:
        raise _holds_ids(values)
    return _eight_bits(values, scale=1)


def _mask_of_palette(values: Values) -> np.ndarray:
    if not _is_palette_mask(values):
        raise _holds_ids(values)
    return (values.raw > 0).astype(np.uint8) * 255


def _is_palette_mask(values: Values) -> bool:
    present = set(values.present)
    return present <= {0, 1} or present <= {0, UNKNOWN}


def _holds_ids(values: Values) -> LabelError:
    return LabelError(
        f'{values.path} holds the values {values.listed}{values.origin}: these are object ids, and of a mask of one object '
        f"what is below half of the scale would not count. {fitting('index')} To unite the objects: encoding='union'. "
        'Masks are saved with 0 and 255, ids as a palette PNG.',
        fits='index',
    )


def _are_ids_with_void(grey: np.ndarray) -> bool:
    """Whether a grey file has small ids and 255 for void, of which the ids cover more.

    Noise near 0 of a mask that once was a JPEG covers less than its object.
    """
    # Most masks have none of these values, which is found in a tenth of a histogram's time.
    if not cv2.countNonZero(cv2.inRange(grey, 1, LARGEST_USUAL_ID)):
        return False
    histogram = cv2.calcHist([np.ascontiguousarray(grey)], [0], None, [256], [0, 256]).ravel()
    small = histogram[1 : LARGEST_USUAL_ID + 1].sum()
    return bool(histogram[LARGEST_USUAL_ID + 1 : UNKNOWN].sum() == 0 and small > histogram[UNKNOWN])


def _soft(values: Values) -> np.ndarray:
    """Grey values over full scale, float32."""
    if values.palette and not _is_palette_mask(values):
        raise LabelError(
            f'{values.path} holds the indices {values.listed} of a palette of colours: these are object ids and no soft '
            f'map. {fitting("index")} A soft map is saved in grey.',
            fits='index',
        )
    if values.palette or values.one_bit:
        return (values.raw > 0).astype(np.float32)
    grey, scale = values.grey, _scale(values)
    if grey.dtype == np.uint16 and scale == 255 and grey.any():
        raise _scale_unknown(values)
    return grey.astype(np.float32) / np.float32(scale)


def _scale(values: Values) -> int:
    """Value of full scale."""
    grey = values.grey
    highest = grey.max(initial=0)
    if grey.dtype == np.uint16:
        if LARGEST_USUAL_ID < highest < 255:
            raise _scale_unknown(values)
        return 255 if highest <= 255 else 65535
    if grey.dtype == np.float32:
        return 1 if highest <= 1 else 255
    return 255


def _scale_unknown(values: Values) -> LabelError:
    return LabelError(
        f'{values.path} has 16 bits and the values {values.listed}: it cannot be told whether full scale is 255 or 65535. '
        'Save it with 8 bits.'
    )


def _eight_bits(values: Values, scale: int) -> np.ndarray:
    if values.grey.dtype == np.uint8 and scale == 255:
        return values.grey
    return np.rint(values.grey.astype(np.float32) * np.float32(255) / np.float32(scale)).astype(np.uint8)


def _ids(values: Values) -> np.ndarray:
    """Object ids, uint8."""
    if values.lossy:
        raise LabelError(
            f'{values.path} is a lossy image ({len(values.present)} values); object ids do not survive that: each grey of '
            f'the noise would be an object. {fitting("binary")} Ids are saved as a palette PNG.',
            fits='binary',
        )
    if not _is_whole(values.raw):
        raise LabelError(
            f'{values.path} holds {values.listed}, which are no object ids. {fitting("soft")}', fits='soft'
        )
    if values.highest > UNKNOWN:
        if set(values.present) <= {0, 65535}:
            return (values.raw > 0).astype(np.uint8) * UNKNOWN
        raise LabelError(
            f'{values.path} holds the values {values.listed}: object ids go from 1 to 254, and 255 is void. Number the '
            f'objects anew. If it is a soft map: {fitting("soft")}',
            fits='soft',
        )
    _refuse_inverted_palette(values)
    _refuse_soft_ids(values)
    return values.raw.astype(np.uint8)


def _refuse_soft_ids(values: Values) -> None:
    """Refuse greys that are a mask with a soft border, or a soft map, of which each grey would be an object.

    Raises:
        LabelError: They are.
    """
    grey = values.grey
    # Ids beyond the usual ones together with void are rare, and a palette tells them; greys up to white are not.
    up_to_white = not values.palette and bool(
        (grey == UNKNOWN).any() and ((grey > LARGEST_USUAL_ID) & (grey < UNKNOWN)).any()
    )
    if not up_to_white and (len(values.present) <= MOST_IDS or (values.palette and not _is_smooth(values.raw))):
        return
    raise LabelError(
        f'{values.path} holds {len(values.present)} values{values.origin} ({values.listed}): it is a mask with a soft '
        f"border or a soft map, and each grey would be an object. {fitting('binary')} A soft map: encoding='soft'. More "
        f'than {MOST_IDS} objects, or ids above {LARGEST_USUAL_ID} with void, are saved as a palette PNG.',
        fits='binary',
    )


def _is_smooth(ids: np.ndarray) -> bool:
    """Whether most values fill no patch of 3 x 3 pixels, as where ids were resized with smoothing."""
    patch = np.ones((3, 3), np.uint8)
    filled = cv2.erode(ids, patch) == cv2.dilate(ids, patch)
    return 2 * len(present_values(ids[filled])) < len(present_values(ids))


def _refuse_inverted_palette(values: Values) -> None:
    """Refuse a palette of greys whose index 0 is not black.

    Raises:
        LabelError: It is not.
    """
    if values.shown is not None and values.raw.any() and values.shown[values.raw == 0].any():
        raise LabelError(
            f'{values.path} has a palette in which index 0 is not black: as codes its background would be what viewers show '
            f'as the object. {fitting("binary")}',
            fits='binary',
        )


def _union(values: Values) -> np.ndarray:
    """0, 1 and 255: all objects as one. 255 is void among ids and the object where it is alone."""
    if values.shown is not None:
        return (grey_truth(values) >= 128).view(np.uint8)
    ids = _ids(values)
    if set(present_values(ids)) <= {0, UNKNOWN}:
        return (ids > 0).astype(np.uint8)
    return np.where(ids == UNKNOWN, UNKNOWN, ids > 0).astype(np.uint8)


def _scribble_codes(values: Values) -> np.ndarray:
    if values.highest > 2 or values.lossy or not _is_whole(values.raw):
        raise LabelError(
            f'{values.path} holds the codes {values.listed}{values.origin}; a scribble has 0 unknown, 1 object, 2 '
            "background.\n  `encoding='index'` reads object ids, `encoding='binary'` full masks.",
            fits='binary' if values.highest > MOST_IDS else 'index',
        )
    _refuse_inverted_palette(values)
    return values.raw.astype(np.uint8)


def _is_whole(values: np.ndarray) -> bool:
    return values.dtype.kind in 'iu' or bool((values == np.rint(values)).all())
