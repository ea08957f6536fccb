"""What RCRNet's data go through: augmentation of still images as released, and the split of a clip."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from salseg.datasets.transforms import FrameTransform, RandomFrameTransform
from salseg.datasets.transforms.base import LABEL_FIELDS, PER_FRAME, Results
from salseg.datasets.transforms.color import LUMA
from salseg.errors import ConfigError, DataError
from salseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomJitter(RandomFrameTransform):
    """Factors of brightness, contrast and saturation and a shift of hue, in random order, as torchvision's ColorJitter.

    Args:
        brightness, contrast, saturation: Largest relative change, in [0, 1].
        hue: Largest shift as a fraction of the colour circle, in [0, 0.5].
        per: 'clip' or 'frame'.

    Raises:
        ConfigError: A change is out of range.
    """

    def __init__(
        self,
        brightness: float = 0.3,
        contrast: float = 0.3,
        saturation: float = 0.3,
        hue: float = 0.3,
        per: str = 'clip',
    ) -> None:
        super().__init__(per)
        self.ranges = (brightness, contrast, saturation, hue)
        if min(self.ranges) < 0 or max(self.ranges) > 1 or hue > 0.5:
            raise ConfigError(f'RandomJitter: changes {self.ranges} must lie in [0, 1], that of the hue in [0, 0.5].')

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Changes and their order."""
        return rng.uniform(-1, 1, 4) * self.ranges, rng.permutation(4)

    def transform(self, results: Results) -> Results:
        """Change every frame; the number type stays."""
        steps = (_brighten, _contrast, _saturate, _shift_hue)
        for frame, (changes, order) in enumerate(self.draws(results)):
            image = results['frames'][frame]
            changed = image.astype(np.float32)
            for index in order:
                changed = steps[index](changed, float(changes[index])).clip(0, 255)
            results['frames'][frame] = changed.astype(image.dtype)
        return results


def _brighten(image: np.ndarray, change: float) -> np.ndarray:
    return image * (1 + change)


def _contrast(image: np.ndarray, change: float) -> np.ndarray:
    mean = (image @ LUMA).mean()
    return (image - mean) * (1 + change) + mean


def _saturate(image: np.ndarray, change: float) -> np.ndarray:
    grey = (image @ LUMA)[..., None]
    return (image - grey) * (1 + change) + grey


def _shift_hue(image: np.ndarray, change: float) -> np.ndarray:
    hsv = cv2.cvtColor(image / 255, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + 360 * change) % 360
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255


@TRANSFORMS.register_module()
class RandomScaledCrop(RandomFrameTransform):
    """A window of random area and shape, resized to a square (Inception's crop).

    Args:
        size: Side of the result.
        area: Range of the window's fraction of the image.
        ratio: Range of width over height, drawn evenly on a logarithmic scale.
        per: 'clip' or 'frame'.

    Raises:
        ConfigError: A range is empty or out of bounds.
    """

    def __init__(
        self,
        size: int = 448,
        area: Sequence[float] = (0.7, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        per: str = 'clip',
    ) -> None:
        super().__init__(per)
        if not (0 < area[0] <= area[1] <= 1 and 0 < ratio[0] <= ratio[1] and size > 0):
            raise ConfigError(
                f'RandomScaledCrop: size={size}, area={area}, ratio={ratio}; expected ascending ranges, area <= 1.'
            )
        self.size, self.area, self.ratio = size, tuple(area), tuple(ratio)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Area, logarithm of the ratio, and place, (4,), each in [0, 1]."""
        return rng.random(4)

    def window(self, height: int, width: int, draw: np.ndarray) -> tuple[int, int, int, int]:
        """(x0, y0, x1, y1) of a draw in an image; a window that does not fit is cut to the image."""
        area = (self.area[0] + draw[0] * (self.area[1] - self.area[0])) * height * width
        low, high = (math.log(value) for value in self.ratio)
        ratio = math.exp(low + draw[1] * (high - low))
        across = min(width, max(1, round(math.sqrt(area * ratio))))
        down = min(height, max(1, round(math.sqrt(area / ratio))))
        x0, y0 = int(draw[2] * (width - across + 1)), int(draw[3] * (height - down + 1))
        return x0, y0, x0 + across, y0 + down

    def transform(self, results: Results) -> Results:
        """Cut and resize all frames and what is on their grid."""
        for frame, draw in enumerate(self.draws(results)):
            height, width = results['frames'][frame].shape[:2]
            x0, y0, x1, y1 = self.window(height, width, draw)
            for name in ('frames', *LABEL_FIELDS):
                if name in results:
                    linear = cv2.INTER_NEAREST if name == 'labels' else cv2.INTER_LINEAR
                    part = np.ascontiguousarray(results[name][frame][y0:y1, x0:x1])
                    results[name][frame] = cv2.resize(part, (self.size, self.size), interpolation=linear)
            record = results['geometry'][frame].cropped(x0, y0, x1, y1)
            results['geometry'][frame] = record.scaled(self.size, self.size)
        return results


@TRANSFORMS.register_module()
class RandomMirror(RandomFrameTransform):
    """Nothing, left to right, upside down or both, with equal probability. For training: what is turned upside
    down is not recorded in the frame's geometry, so maps of such a frame cannot be taken back to the image.
    """

    def draw(self, rng: np.random.Generator) -> tuple[bool, bool]:
        """Whether to mirror across and down."""
        return bool(rng.integers(2)), bool(rng.integers(2))

    def transform(self, results: Results) -> Results:
        """Mirror all frames and what is on their grid."""
        for frame, (across, down) in enumerate(self.draws(results)):
            window = np.s_[:: -1 if down else 1, :: -1 if across else 1]
            for name in ('frames', *LABEL_FIELDS):
                if name in results:
                    results[name][frame] = np.ascontiguousarray(results[name][frame][window])
            if across:
                results['geometry'][frame] = results['geometry'][frame].flipped()
        return results


@TRANSFORMS.register_module()
class SplitTriplet(FrameTransform):
    """Keep the middle frame of (i, k, j) as the set; the labels of i and j become its ``prompt``.

    The label of k alone stays a target, so nothing that is requested can be seen. Comes after all geometric transforms
    and after :class:`ComputeFlow`.
    """

    def transform(self, results: Results) -> Results:
        """The target with ``prompt`` (2, H, W) float32 in [0, 1], i first.

        Raises:
            DataError: The clip has not three frames, one of them is a neighbour of itself, or its labels are not loaded
                as soft truth.
        """
        if len(results['frames']) != 3 or 'saliency' not in results:
            raise DataError(
                f'{results["dataset"]} / {results["set_id"]}: SplitTriplet takes three frames with soft truth, found '
                f'{len(results["frames"])} frames and {"soft truth" if "saliency" in results else "none"}. Use clips '
                'of three and LoadSoftLabels.'
            )
        left_id, target_id, right_id = results['frame_ids']
        if target_id in (left_id, right_id):
            raise DataError(
                f'{results["dataset"]} / {results["set_id"]}: the target {target_id} of a triplet is its own neighbour, whose '
                "label is given. Set short='skip' in the data set: videos with fewer than three kept labels have no triplet."
            )
        # By place, also in a clip that was reversed: then i and j are swapped together with their flows.
        left, _, right = results['saliency']
        results['prompt'] = np.stack([left, right]).astype(np.float32)
        for name in PER_FRAME:
            if results.get(name) is not None:
                results[name] = [results[name][1]]
        return results
