"""Play a clip backwards."""

import numpy as np

from salseg.datasets.transforms.base import PER_FRAME, FrameTransform, Results
from salseg.errors import ConfigError
from salseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomReverse(FrameTransform):
    """Turn the order of a clip's frames round with a probability; comes before :class:`ComputeFlow`.

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
