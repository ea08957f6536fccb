"""From a canvas to an image: the lens' blur, the sensor's noise, eight bits."""

import numpy as np

from salseg.datasets.synthetic.draws import bell

NOISE = 0.02
"""Deviation of the noise of each pixel and channel, in [0, 1] (5.1 grey levels).

It is fixed because it decides how much a loss on colour differences can act: neighbours of equal paint differ by
0.02 x sqrt(2) per channel."""


def develop(rng: np.random.Generator, canvas: np.ndarray) -> np.ndarray:
    """Image (H, W, 3) uint8 of a canvas: 1-2-1 blur along both axes, normal noise, rounding."""
    blurred = canvas.copy()
    blurred[1:-1] = np.float32(0.25) * (canvas[:-2] + canvas[2:]) + np.float32(0.5) * canvas[1:-1]
    image = blurred.copy()
    image[:, 1:-1] = np.float32(0.25) * (blurred[:, :-2] + blurred[:, 2:]) + np.float32(0.5) * blurred[:, 1:-1]
    image += np.float32(NOISE) * bell(rng, canvas.shape)
    return np.clip(image * 255 + np.float32(0.5), 0, 255).astype(np.uint8)
