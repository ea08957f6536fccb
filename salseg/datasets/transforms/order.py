"""Mirror, reverse and repeat the frames of a set."""

import numpy as np

from salseg.datasets.transforms.base import (
    LABEL_FIELDS,
    PER_FRAME,
    FrameTransform,
    RandomFrameTransform,
    Results,
    mirrored,
)
from salseg.errors import ConfigError
from salseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomFlip(RandomFrameTransform):
    """Mirror with a probability.

    Args:
        probability: In [0, 1].
        per: 'clip' or 'frame'.

    Raises:
        ConfigError: The probability is outside [0, 1].
    """

    def __init__(self, probability: float = 0.5, per: str = 'clip') -> None:
        super().__init__(per)
        if not 0 <= probability <= 1:
            raise ConfigError(f'RandomFlip: probability={probability} must lie in [0, 1].')
        self.probability = probability

    def draw(self, rng: np.random.Generator) -> bool:
        """Whether to mirror."""
        return bool(rng.random() < self.probability)

    def transform(self, results: Results) -> Results:
        """Mirror the drawn frames and what is on their grid."""
        for frame, flip in enumerate(self.draws(results)):
            if not flip:
                continue
            for name in ('frames', *LABEL_FIELDS):
                if name in results:
                    results[name][frame] = mirrored(results[name][frame])
            results['geometry'][frame] = results['geometry'][frame].flipped()
        return results


@TRANSFORMS.register_module()
class RandomReverse(FrameTransform):
    """Reverse the order of a clip's frames with a probability; comes before `ComputeFlow`.

    Args:
        probability: In [0, 1].

    Raises:
        ConfigError: The probability is outside [0, 1].
    """

    def __init__(self, probability: float = 0.5) -> None:
        if not 0 <= probability <= 1:
            raise ConfigError(f'RandomReverse: probability={probability} must lie in [0, 1].')
        self.probability = probability

    def draw(self, rng: np.random.Generator) -> bool:
        """Whether to reverse."""
        return bool(rng.random() < self.probability)

    def transform(self, results: Results) -> Results:
        """Reverse everything that has an entry per frame.

        Raises:
            ConfigError: Flow was computed before.
        """
        if 'flow' in results:
            raise ConfigError('RandomReverse stands behind ComputeFlow, whose vectors it cannot turn: put it before.')
        if self.draw(self.rng(results)):
            for name in PER_FRAME:
                if results.get(name) is not None:
                    results[name] = list(results[name])[::-1]
        return results


@TRANSFORMS.register_module()
class RepeatFrame(FrameTransform):
    """Show an image several times; transforms with ``per='frame'`` behind it then make each view another one.

    Comes after the image and its labels were read.

    Args:
        length: Frames of the clip (T).

    Raises:
        ConfigError: It is not positive.
    """

    def __init__(self, length: int = 3) -> None:
        if length < 1:
            raise ConfigError(f'RepeatFrame: length={length} must be positive.')
        self.length = length

    def transform(self, results: Results) -> Results:
        """The first frame, repeated; arrays are shared until a transform replaces them."""
        for name in PER_FRAME:
            if results.get(name) is not None:
                results[name] = list(results[name][:1]) * self.length
        results['frame_ids'] = [f'{results["frame_ids"][0]}_{view}' for view in range(self.length)]
        results['ordered'] = True
        return results
