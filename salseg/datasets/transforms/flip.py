"""Mirror frames left to right."""

import numpy as np

from salseg.datasets.transforms.base import LABEL_FIELDS, RandomFrameTransform, Results
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
                    results[name][frame] = np.ascontiguousarray(results[name][frame][:, ::-1])
            results['geometry'][frame] = results['geometry'][frame].flipped()
        return results
