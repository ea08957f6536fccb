"""Images of one case: image, ground truth, prediction, and where they differ."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from salseg.evaluation.folders import Tree, list_tree
from salseg.evaluation.output import Case
from salseg.evaluation.protocols import MaskProtocol, Protocol
from salseg.evaluation.protocols.masks import UnsupervisedProtocol
from salseg.io.annotations import LABEL_SUFFIXES, UNKNOWN, read_annotation, read_map, read_truth
from salseg.visualization.overlay import PALETTE

# Right, too much, too little: blue, orange, and pink are told apart by colour-blind people too.
HIT, FALSE_ALARM, MISS = (86, 180, 233), (230, 159, 0), (204, 121, 167)
WIDTH = 300
# A folder may hold an image and its mask under one name.
PHOTOGRAPHS_FIRST = ('.jpg', '.jpeg', *(suffix for suffix in LABEL_SUFFIXES if suffix not in ('.jpg', '.jpeg')))


def case_strip(case: Case, protocol: Protocol, images: Tree | None = None) -> np.ndarray:
    """The four images of a case side by side, (H, W, 3) uint8.

    Args:
        case: The case.
        protocol: Says how files are read.
        images: Images behind the overlay; without them it stands on grey.
    """
    if isinstance(protocol, MaskProtocol):
        truth, prediction = _label_pair(case, protocol)
        panels = [coloured(truth), coloured(prediction)]
        # Proposals have labels of their own: there the image compares all objects.
        whole = isinstance(protocol, UnsupervisedProtocol)
        truth, prediction = (_object(labels, None if whole else case.label) for labels in (truth, prediction))
    else:
        truth, prediction = _map_pair(case)
        panels = [truth, prediction]
    image = _image(case, images, truth.shape)
    named = [('ground truth', panels[0]), ('prediction' if case.prediction else 'MISSING', panels[1])]
    named += [('errors', errors(image, prediction, truth))]
    return row_of(([] if image is None else [('image', image)]) + named)


def row_of(images: Sequence[tuple[str, np.ndarray]], width: int = WIDTH, gap: int = 6, head: int = 22) -> np.ndarray:
    """Named images of one shape side by side on white, (H, W, 3) uint8.

    Args:
        images: Name and image, (H, W) or (H, W, 3) uint8.
        width: Of each in pixels; portraits are no higher than this.
        gap: White pixels between them.
        head: Height of the line of names.
    """
    height, own = images[0][1].shape[:2]
    factor = width / max(own, height)
    size = max(1, round(own * factor)), max(1, round(height * factor))
    strip = np.full((head + size[1], len(images) * (size[0] + gap) - gap, 3), 255, np.uint8)
    for number, (name, image) in enumerate(images):
        left = number * (size[0] + gap)
        fitted = cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
        strip[head:, left : left + size[0]] = fitted if fitted.ndim == 3 else fitted[..., None]
        cv2.putText(strip, name, (left, head - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return strip


def _object(labels: np.ndarray, label: int | None) -> np.ndarray:
    mask = (labels > 0) & (labels < UNKNOWN) if label is None else labels == label
    return mask.astype(np.uint8) * 255


def _map_pair(case: Case) -> tuple[np.ndarray, np.ndarray]:
    truth = read_truth(case.item.truth)
    if case.prediction is None:
        return truth, np.zeros_like(truth)
    prediction = read_map(case.prediction)
    if prediction.shape != truth.shape:
        prediction = cv2.resize(prediction, truth.shape[::-1])
    return truth, prediction


def _label_pair(case: Case, protocol: MaskProtocol) -> tuple[np.ndarray, np.ndarray]:
    truth = _labels(case.item.truth, protocol)
    if case.prediction is None or not case.item.counted:
        return truth, np.zeros_like(truth)
    return truth, _labels(case.prediction, protocol)


def _labels(path: Path, protocol: MaskProtocol) -> np.ndarray:
    return protocol.labels(read_annotation(path, protocol.encoding([path])))


def _image(case: Case, images: Tree | None, shape: tuple[int, int]) -> np.ndarray | None:
    if images is None or case.item.stem not in images.files:
        return None
    data = np.fromfile(images.path(case.item.stem), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    return None if image is None else cv2.resize(image, shape[::-1], interpolation=cv2.INTER_AREA)


def coloured(labels: np.ndarray) -> np.ndarray:
    """Labels in colours, (H, W, 3) uint8; background black, void grey."""
    table = np.zeros((256, 3), np.uint8)
    table[1:255] = PALETTE[np.arange(254) % len(PALETTE)]
    table[255] = 96
    return table[labels]


def errors(image: np.ndarray | None, prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Hits blue, false alarms orange, misses pink, at half of full scale, over the dimmed image; (H, W, 3) uint8."""
    if image is None:
        base = np.full((*truth.shape, 3), 60, np.float32)
    else:
        base = image.mean(2, keepdims=True).repeat(3, 2).astype(np.float32) * 0.5 + 20
    found, wanted = prediction >= 128, truth > 128
    for part, colour in ((found & wanted, HIT), (found & ~wanted, FALSE_ALARM), (~found & wanted, MISS)):
        base[part] = 0.35 * base[part] + 0.65 * np.asarray(colour, np.float32)
    return np.rint(base).clip(0, 255).astype(np.uint8)


def file_name(case: Case, number: int) -> str:
    """A name for the strip that any file system takes."""
    kept = ''.join(sign if sign.isalnum() or sign in '-_.' else '_' for sign in f'{case.method}_{case.name}')
    return f'{number:02d}_{kept[-100:]}.png'


def image_tree(folder: str | Path | None) -> Tree | None:
    """Images behind the overlays, photographs first where a stem has several files."""
    return None if folder is None else list_tree(Path(folder), PHOTOGRAPHS_FIRST)
