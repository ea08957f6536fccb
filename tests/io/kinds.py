"""Annotation files of every kind that people have, and what each encoding makes of them: the table of the docs.

The scene has two objects of 4 x 4 pixels, A and B, on a ground of 8 x 12.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

A, B = np.zeros((2, 8, 12), bool)
A[2:6, 1:5] = True
B[2:6, 7:11] = True
MASK = A.astype(np.uint8)
IDS = (A + 2 * B).astype(np.uint8)
# Unlabelled or void: the lowest row.
VOID = np.zeros((8, 12), bool)
VOID[7] = True
SOFT = cv2.blur(MASK * 255, (3, 3))
RAMP = np.tile(np.linspace(0, 1, 12), (8, 1))
LEVELS = np.linspace(0, 255, 96).astype(np.uint8).reshape(8, 12)
# As annotators' shares: levels that fill areas.
FEW = np.repeat(np.uint8([0, 85, 170, 255]), 24).reshape(8, 12)
WITH_VOID = np.where(VOID, 255, IDS).astype(np.uint8)
ENCODINGS = ('binary', 'soft', 'index', 'union', 'scribble')

Expected = np.ndarray | str


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: With its suffix.
        write: Makes the file.
        binary, soft, index, union, scribble: What is read, or the part of the message that says why it is not.
    """

    name: str
    write: Callable[[Path], object]
    binary: Expected
    soft: Expected
    index: Expected
    union: Expected
    scribble: Expected = 'a scribble has 0 unknown, 1 object, 2 background'


def grey(values):
    return lambda path: Image.fromarray(np.asarray(values)).save(path)


def by_opencv(values):
    return lambda path: cv2.imwrite(str(path), values)


def palette(indices, colours):
    def write(path):
        image = Image.fromarray(np.asarray(indices, np.uint8)).convert('L')
        image = Image.frombytes('P', image.size, image.tobytes())
        image.putpalette(np.asarray(colours, np.uint8).ravel().tolist())
        image.save(path)

    return write


def turned(values):
    def write(path):
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(values).save(path, exif=exif)

    return write


def quantised(path):
    """Few greys in an order that means nothing, black not first, as image editors save "indexed colour"."""
    levels, indices = np.unique(SOFT, return_inverse=True)
    palette(len(levels) - 1 - indices.reshape(SOFT.shape), np.repeat(levels[::-1, None], 3, 1))(path)


def alpha(colour):
    """A mask that lies in the alpha channel alone."""
    return grey(np.dstack([np.full((8, 12, 3), colour, np.uint8), MASK * 255]))


SCRIBBLE = np.uint8([255, 1, 0])[IDS]
BIG, BIG_MASK = np.kron(MASK * 255, np.ones((8, 8), np.uint8)), np.kron(MASK, np.ones((8, 8), np.uint8))
COLOURS = [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]] + [[i, 255 - i, 99] for i in range(4, 256)]
OBJECT, OBJECTS, FLOAT = MASK, (IDS > 0).astype(np.uint8), MASK.astype(np.float32)
UNITED = np.where(VOID, 255, OBJECTS).astype(np.uint8)
ONE_SIDED = np.where(A, 1, 255).astype(np.uint8)
HALF = (RAMP >= 0.5).astype(np.uint8)
TO_BINARY, TO_INDEX = "encoding='binary'", "encoding='index'"
IDS_AS_MASK = 'these are object ids'
COLOUR = 'is a colour image'
SCALE = 'cannot be told whether full scale is 255 or 65535'
EMPTY = 'none reaches half of the scale'

KINDS = (
    Kind('grey 0 and 255.png', grey(MASK * 255), OBJECT, FLOAT, MASK * 255, OBJECT),
    Kind('grey 0 and 1.png', grey(MASK), OBJECT, FLOAT / 255, OBJECT, OBJECT, ONE_SIDED),
    Kind('only 0.png', grey(MASK * 0), OBJECT * 0, FLOAT * 0, OBJECT * 0, OBJECT * 0, np.full_like(MASK, 255)),
    Kind('one bit.png', grey(A), OBJECT, FLOAT, OBJECT, OBJECT, ONE_SIDED),
    Kind('palette ids.png', palette(IDS, COLOURS), IDS_AS_MASK, 'no soft map', IDS, OBJECTS, SCRIBBLE),
    Kind('palette 0 and 1.png', palette(MASK, COLOURS), OBJECT, FLOAT, OBJECT, OBJECT, ONE_SIDED),
    Kind('palette 0 and 255.png', palette(MASK * 255, COLOURS), OBJECT, FLOAT, MASK * 255, OBJECT),
    Kind('palette ids and void.png', palette(WITH_VOID, COLOURS), IDS_AS_MASK, 'no soft map', WITH_VOID, UNITED),
    Kind(
        'palette, index 0 black, 1 white.png',
        palette(MASK, [[0] * 3, [255] * 3]),
        OBJECT,
        FLOAT,
        OBJECT,
        OBJECT,
        ONE_SIDED,
    ),
    Kind(
        'palette, index 0 white, 1 black.png',
        palette(1 - MASK, [[255] * 3, [0] * 3]),
        OBJECT,
        FLOAT,
        'index 0 is not black',
        OBJECT,
        'index 0 is not black',
    ),
    Kind(
        'soft mask in a palette of greys.png',
        quantised,
        (SOFT >= 128).astype(np.uint8),
        SOFT / np.float32(255),
        'index 0 is not black',
        (SOFT >= 128).astype(np.uint8),
    ),
    Kind('grey ids.png', grey(IDS), IDS_AS_MASK, IDS / np.float32(255), IDS, OBJECTS, SCRIBBLE),
    Kind('grey ids and void.png', grey(WITH_VOID), IDS_AS_MASK, WITH_VOID / np.float32(255), WITH_VOID, UNITED),
    Kind('grey 0 and 100.png', grey(MASK * 100), EMPTY, FLOAT * 100 / 255, MASK * 100, OBJECT),
    Kind(
        '0 to 255 at a soft border.png',
        grey(SOFT),
        (SOFT >= 128).astype(np.uint8),
        SOFT / np.float32(255),
        TO_BINARY,
        TO_BINARY,
    ),
    Kind(
        'soft map, more than 40 greys.png',
        grey(LEVELS),
        (LEVELS >= 128).astype(np.uint8),
        LEVELS / np.float32(255),
        TO_BINARY,
        TO_BINARY,
    ),
    Kind(
        'soft map of few greys, up to 255.png',
        grey(FEW),
        (FEW >= 128).astype(np.uint8),
        FEW / np.float32(255),
        TO_BINARY,
        TO_BINARY,
    ),
    Kind('16 bit 0 and 1.png', by_opencv(MASK.astype(np.uint16)), OBJECT, SCALE, OBJECT, OBJECT, ONE_SIDED),
    Kind('16 bit 0 and 255.png', by_opencv(MASK.astype(np.uint16) * 255), OBJECT, SCALE, MASK * 255, OBJECT),
    Kind('16 bit 0 and 65535.png', by_opencv(MASK.astype(np.uint16) * 65535), OBJECT, FLOAT, MASK * 255, OBJECT),
    Kind(
        '16 bit, 0 to 65535.png',
        by_opencv(np.rint(RAMP * 65535).astype(np.uint16)),
        HALF,
        (np.rint(RAMP * 65535) / 65535).astype(np.float32),
        'object ids go from 1 to 254',
        'object ids go from 1 to 254',
    ),
    Kind('16 bit ids.png', by_opencv(IDS.astype(np.uint16)), IDS_AS_MASK, SCALE, IDS, OBJECTS, SCRIBBLE),
    Kind(
        '16 bit ids above 255.png',
        by_opencv(np.where(B, 300, IDS.astype(np.int64)).astype(np.uint16)),
        EMPTY,
        np.where(B, 300, IDS.astype(np.int64)).astype(np.float32) / 65535,
        'object ids go from 1 to 254',
        'object ids go from 1 to 254',
    ),
    Kind(
        '16 bit RGB with equal channels, 0 and 1.png',
        by_opencv(np.dstack([MASK.astype(np.uint16)] * 3)),
        OBJECT,
        SCALE,
        OBJECT,
        OBJECT,
        ONE_SIDED,
    ),
    Kind('RGB with equal channels.png', grey(np.dstack([MASK * 255] * 3)), OBJECT, FLOAT, MASK * 255, OBJECT),
    Kind('RGB in colours.png', grey(np.uint8(COLOURS)[IDS]), COLOUR, COLOUR, COLOUR, COLOUR, COLOUR),
    Kind(
        'grey or RGB with an opaque alpha channel.png',
        grey(np.dstack([MASK * 255, MASK * 0 + 255])),
        OBJECT,
        FLOAT,
        MASK * 255,
        OBJECT,
    ),
    Kind(
        'white, the mask in the alpha channel.png',
        alpha(255),
        OBJECT,
        FLOAT,
        MASK * 255,
        OBJECT,
        'in its alpha channel',
    ),
    Kind(
        'black, the mask in the alpha channel.png', alpha(0), OBJECT, FLOAT, MASK * 255, OBJECT, 'in its alpha channel'
    ),
    Kind(
        'grey ids, transparent where 0.png',
        grey(np.dstack([IDS, (IDS > 0) * np.uint8(255)])),
        IDS_AS_MASK,
        IDS / np.float32(255),
        IDS,
        OBJECTS,
        SCRIBBLE,
    ),
    Kind(
        'grey that differs from the alpha channel.png',
        grey(np.dstack([255 - MASK * 255, MASK * 255])),
        *['alpha channel'] * 5,
    ),
    Kind(
        'float TIFF, 0 to 1.tif',
        grey(RAMP.astype(np.float32)),
        HALF,
        RAMP.astype(np.float32),
        'no object ids',
        'no object ids',
    ),
    Kind(
        'float TIFF, 0 to 255.tif',
        grey((RAMP * 255).astype(np.float32)),
        HALF,
        RAMP.astype(np.float32),
        'no object ids',
        'no object ids',
    ),
    Kind(
        'float TIFF, below 0.5.tif',
        grey((FLOAT * 0.3).astype(np.float32)),
        EMPTY,
        FLOAT * np.float32(0.3),
        'no object ids',
        'no object ids',
    ),
    Kind(
        'float TIFF with NaN, below 0 or above 255.tif',
        grey(np.where(A, np.nan, 0).astype(np.float32)),
        *['expected 0 to 1 or 0 to 255'] * 5,
    ),
    Kind(
        '0 and 255 as JPEG or lossy WebP.jpg',
        lambda path: Image.fromarray(BIG).save(path, quality=60),
        BIG_MASK,
        None,
        TO_BINARY,
        TO_BINARY,
    ),
    Kind('0 and 255 with an EXIF orientation.png', turned(MASK * 255), OBJECT, FLOAT, MASK * 255, OBJECT),
    Kind('0 and 255 as TIFF.tif', grey(MASK * 255), OBJECT, FLOAT, MASK * 255, OBJECT),
    Kind('0 and 255 as GIF.gif', grey(MASK * 255), OBJECT, FLOAT, None, OBJECT, None),
    Kind('0 and 255 as BMP.bmp', grey(MASK * 255), OBJECT, FLOAT, MASK * 255, OBJECT),
    Kind('0 and 255 as PGM.pgm', grey(MASK * 255), OBJECT, FLOAT, MASK * 255, OBJECT),
    Kind(
        '0 and 255 as lossless WebP.webp',
        lambda path: Image.fromarray(MASK * 255).save(path, lossless=True),
        OBJECT,
        FLOAT,
        MASK * 255,
        OBJECT,
    ),
    Kind('0 bytes.png', lambda path: path.touch(), *['is empty (0 bytes)'] * 5),
    Kind('no image.png', lambda path: path.write_text('hello'), *['no image that can be read'] * 5),
)


def cell(encoding: str, expected: Expected | None) -> str:
    """What the table of the docs says."""
    if expected is None:
        return 'depends'
    if isinstance(expected, str):
        return 'error'
    if encoding == 'soft':
        return 'grey / full scale' if expected.max() > 0 else 'nothing'
    if encoding == 'scribble':
        return 'nothing known' if expected.min() == 255 else 'codes'
    present = set(np.unique(expected).tolist())
    return {
        frozenset({0}): 'nothing',
        frozenset({0, 1}): 'one object' if encoding != 'index' else 'ids',
        frozenset({0, 255}): 'void (see below)',
        frozenset({0, 1, 255}): 'one object, void',
        frozenset({0, 1, 2, 255}): 'ids, void',
    }.get(frozenset(present), 'ids')


def table() -> list[str]:
    """Rows of the docs."""
    return [
        f'| {kind.name.rpartition(".")[0]} | '
        + ' | '.join(cell(encoding, getattr(kind, encoding)) for encoding in ENCODINGS)
        + ' |'
        for kind in KINDS
    ]
