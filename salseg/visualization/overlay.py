"""Images of results: overlays, cut-outs, contact sheets."""

from collections.abc import Sequence

import cv2
import numpy as np

from salseg.io.images import without_grey

# Okabe and Ito's colours, told apart by colour-blind people too; RGB.
PALETTE = np.array(
    [(230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167)],
    np.uint8,
)
# Pixels of an overlay that are computed at a time.
STRIP = 2**20
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


def overlay_map(image: np.ndarray, saliency: np.ndarray, colour: Sequence[int] = (213, 94, 0)) -> np.ndarray:
    """Tint salient pixels, grey out the rest, draw the contour at one half.

    Args:
        image: (H, W, 3) uint8 RGB.
        saliency: (H, W) uint8.
        colour: RGB of tint and contour.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    result = np.empty(image.shape, np.uint8)
    # In strips: the numbers in between take a hundred bytes a pixel, 20 GB of a scan of 190 megapixels.
    lines = max(1, STRIP // max(1, image.shape[1]))
    for top in range(0, len(image), lines):
        part = slice(top, top + lines)
        result[part] = _tinted(image[part], saliency[part], colour)
    contours, _ = cv2.findContours((saliency >= 128).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(result, contours, -1, tuple(int(c) for c in colour), max(1, round(min(image.shape[:2]) / 200)))
    return result


def _tinted(image: np.ndarray, saliency: np.ndarray, colour: Sequence[int]) -> np.ndarray:
    share = saliency.astype(np.float32)[..., None] / 255
    grey = image.mean(2, keepdims=True).repeat(3, 2) * 0.6 + 40
    tinted = 0.7 * image + 0.3 * np.asarray(colour, np.float32)
    return np.rint(share * tinted + (1 - share) * grey).clip(0, 255).astype(np.uint8)


def cutout(image: np.ndarray, saliency: np.ndarray, alpha: np.ndarray | None = None) -> np.ndarray:
    """The image with the map as its transparency, (H, W, 4) uint8 RGBA.

    Args:
        image: (H, W, 3) uint8 RGB; where it was transparent, laid over grey.
        saliency: (H, W) uint8.
        alpha: (H, W) uint8 opacity of the image before; what was transparent stays so.
    """
    if alpha is None:
        return np.dstack([image, saliency])
    kept = np.rint(saliency * (alpha.astype(np.float32) / 255)).astype(np.uint8)
    return np.dstack([without_grey(image, alpha), kept])


def scribble_overlay(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The image with scribbles drawn in: object green, background red; labels as in salseg (255 unknown)."""
    result = image.copy()
    kernel = np.ones((3, 3), np.uint8)
    for value, colour in ((0, (220, 40, 40)), (1, (40, 200, 60))):
        result[cv2.dilate((labels == value).astype(np.uint8), kernel) > 0] = colour
    return result


def sheet(
    rows: Sequence[Sequence[np.ndarray]], titles: Sequence[str] = (), cell: int = 160, gap: int = 6, tight: bool = False
) -> np.ndarray:
    """Images in rows and columns, each fitted into a cell without changing its shape.

    Args:
        rows: Images (H, W, 3) or (H, W) uint8.
        titles: Above the columns.
        cell: Side of a cell in pixels.
        gap: White pixels between cells.
        tight: Make each row as high as its highest image instead of square.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    fitted = [[fit(image, cell) for image in row] for row in rows]
    heights = [max(len(image) for image in row) if tight else cell for row in fitted]
    columns = max(len(row) for row in rows)
    head = 26 if titles else 0
    height, width = head + sum(heights) + (len(rows) + 1) * gap, columns * (cell + gap) + gap
    canvas = np.full((height, width, 3), 255, np.uint8)
    for column, title in enumerate(titles):
        place = (gap + column * (cell + gap), head - 7)
        cv2.putText(canvas, title, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, _BLACK, 1, cv2.LINE_AA)
    start = head + gap
    for row, high in zip(fitted, heights):
        for x, image in enumerate(row):
            top = start + (high - image.shape[0]) // 2
            left = gap + x * (cell + gap) + (cell - image.shape[1]) // 2
            canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
        start += high + gap
    return canvas


def fit(image: np.ndarray, cell: int) -> np.ndarray:
    """An image (H, W), (H, W, 3) or (H, W, 4) uint8 with its longer side at a length, (h, w, 3) uint8 RGB on white."""
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    if image.shape[2] == 4:
        share = image[..., 3:].astype(np.float32) / 255
        image = np.rint(image[..., :3] * share + 255 * (1 - share)).astype(np.uint8)
    factor = cell / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
