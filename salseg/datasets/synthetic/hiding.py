"""Noise that hides objects in one of every four frames, so that only other frames tell where they are."""

import numpy as np

from salseg.datasets.synthetic.draws import between

HIDES = ('frame', 'object')


def is_hidden(rng: np.random.Generator, t: int) -> bool:
    """Whether frame t is the one of its four; ``rng`` is that of the four, so that exactly one of them is."""
    return int(rng.random() * 4) == t % 4


def hide(rng: np.random.Generator, canvas: np.ndarray, boxes: np.ndarray, what: str) -> None:
    """Lay coarse noise over a canvas (H, W, 3), in place.

    Args:
        boxes: (K, 4) x0, y0, x1, y1 in pixels of what is to be hidden, read where ``what`` is 'object'.
        what: 'frame' covers everything; 'object' covers each box grown by 15 to 50 % of its size at each side, so that
            the noise does not show the outline.
    """
    height, width = canvas.shape[:2]
    cell = max(2, min(height, width) // 48)
    coarse = rng.random(((height + cell - 1) // cell, (width + cell - 1) // cell, 3)).astype(np.float32)
    noise = np.repeat(np.repeat(coarse, cell, axis=0), cell, axis=1)[:height, :width]
    regions = [(0, 0, width, height)] if what == 'frame' else [_grown(rng, box) for box in boxes]
    for x0, y0, x1, y1 in regions:
        part = (slice(max(0, int(y0)), max(0, int(y1))), slice(max(0, int(x0)), max(0, int(x1))))
        canvas[part] = np.float32(0.05) * canvas[part] + np.float32(0.95) * noise[part]


def _grown(rng: np.random.Generator, box: np.ndarray) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = (float(value) for value in box)
    width, height = x1 - x0, y1 - y0
    left, right, top, bottom = (between(rng, 0.15, 0.5) for _ in range(4))
    return x0 - left * width, y0 - top * height, x1 + right * width, y1 + bottom * height
