"""Augmentation of DCFM's released code: Pillow's arithmetic, antialiased, on 8-bit images."""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from salseg.datasets.transforms.base import LABEL_FIELDS, FrameTransform, RandomFrameTransform, Results
from salseg.errors import ConfigError
from salseg.registry import TRANSFORMS

_BILINEAR, _NEAREST = Image.Resampling.BILINEAR, Image.Resampling.NEAREST


def resized(image: np.ndarray, height: int, width: int, nearest: bool = False) -> np.ndarray:
    """A uint8 image or label at a size; bilinear is antialiased when it shrinks."""
    return np.asarray(Image.fromarray(image).resize((width, height), _NEAREST if nearest else _BILINEAR))


def scale_cropped(
    image: np.ndarray, short: int, left: int, top: int, base: int, size: int, nearest: bool = False
) -> np.ndarray:
    """Short side to a length, padding with 0 right and below to ``base``, a window of ``base``, that to ``size``.

    Args:
        image: (H, W) or (H, W, 3) uint8.
        short: New length of the shorter side.
        left: First column of the window.
        top: First row of the window.
        base: Side of the window.
        size: Side of the result.
        nearest: For labels.
    """
    how, (height, width) = _NEAREST if nearest else _BILINEAR, scaled_sides(image.shape[:2], short)
    # What a window has outside the image is 0.
    window = Image.fromarray(image).resize((width, height), how).crop((left, top, left + base, top + base))
    return np.asarray(window.resize((size, size), how))


def scaled_sides(sides: Sequence[int], short: int) -> tuple[int, int]:
    """(height, width) once the shorter side has a length; the other is rounded down."""
    height, width = sides
    return (int(height * short / width), short) if height > width else (short, int(width * short / height))


def rotated(image: np.ndarray, degrees: float, nearest: bool = False) -> np.ndarray:
    """Turned counter-clockwise about the centre at the same size; the corners become 0."""
    return np.asarray(Image.fromarray(image).rotate(degrees, _NEAREST if nearest else _BILINEAR))


def _apply(results: Results, frame: int, change: Callable[..., np.ndarray]) -> None:
    """Change a frame and what is on its grid; ``change`` is told by ``nearest`` which of them it is."""
    results['frames'][frame] = change(results['frames'][frame], nearest=False)
    for name in LABEL_FIELDS:
        if name in results:
            results[name][frame] = change(results[name][frame], nearest=True)


@TRANSFORMS.register_module()
class PillowResize(FrameTransform):
    """Frames to a square by Pillow's antialiased bilinear filter, which OpenCV's differs from; labels by nearest.

    Args:
        size: Side in pixels.
    """

    def __init__(self, size: int = 224) -> None:
        self.size = size

    def transform(self, results: Results) -> Results:
        """Resize all frames and what is on their grid."""
        for frame in range(len(results['frames'])):
            _apply(results, frame, lambda image, nearest: resized(image, self.size, self.size, nearest))
        results['geometry'] = [record.scaled(self.size, self.size) for record in results['geometry']]
        return results


@TRANSFORMS.register_module()
class RandomScaleCrop(RandomFrameTransform):
    """A square window from a randomly scaled image, for training only: the window is not recorded.

    Args:
        size: Side of the result.
        base: Side of the window; the shorter side of the image becomes 0.8 to 1.2 times as long before.
        per: 'frame' or 'clip'.

    Raises:
        ConfigError: A side is not positive.
    """

    def __init__(self, size: int = 224, base: int = 448, per: str = 'frame') -> None:
        super().__init__(per)
        if min(size, base) < 1:
            raise ConfigError(f'RandomScaleCrop: size={size} and base={base} must be positive.')
        self.size = size
        self.base = base

    def draw(self, rng: np.random.Generator) -> tuple[int, float, float]:
        """Length of the shorter side, and where the window starts as fractions of the free way."""
        short = int(rng.integers(int(0.8 * self.base), int(1.2 * self.base) + 1))
        return short, rng.random(), rng.random()

    def transform(self, results: Results) -> Results:
        """Scale and cut every frame and what is on its grid."""
        for frame, (short, across, down) in enumerate(self.draws(results)):
            sides = scaled_sides(results['frames'][frame].shape[:2], short)
            top, left = (
                int(fraction * (max(length, self.base) - self.base + 1))
                for fraction, length in zip((down, across), sides)
            )
            _apply(
                results,
                frame,
                lambda image, nearest, s=short, x=left, y=top: scale_cropped(
                    image, s, x, y, self.base, self.size, nearest
                ),
            )
        return results


@TRANSFORMS.register_module()
class RandomRotation(RandomFrameTransform):
    """Turn about the centre, for training only: the angle is not recorded. Corners become black and background.

    Args:
        degrees: Largest angle to either side.
        per: 'frame' or 'clip'.

    Raises:
        ConfigError: The angle is negative.
    """

    def __init__(self, degrees: float = 90, per: str = 'frame') -> None:
        super().__init__(per)
        if degrees < 0:
            raise ConfigError(f'RandomRotation: degrees={degrees} must not be negative.')
        self.degrees = degrees

    def draw(self, rng: np.random.Generator) -> float:
        """The angle, counter-clockwise."""
        return rng.uniform(-self.degrees, self.degrees)

    def transform(self, results: Results) -> Results:
        """Turn every frame and what is on its grid."""
        for frame, angle in enumerate(self.draws(results)):
            _apply(results, frame, lambda image, nearest, a=angle: rotated(image, a, nearest))
        return results
