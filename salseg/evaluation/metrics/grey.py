"""The 8-bit map of a probability."""

import numpy as np
from torch import Tensor

from salseg.errors import DataError


def to_grey(probability: Tensor | np.ndarray) -> np.ndarray:
    """The map that is written to disk: probability times 255, rounded half to even, (H, W) uint8.

    Raises:
        DataError: A value is no number.
    """
    values = probability.detach().float().cpu().numpy() if isinstance(probability, Tensor) else np.asarray(probability)
    if np.isnan(values).any():
        raise DataError('a predicted map holds values that are no numbers: the weights have diverged, or are damaged.')
    return np.rint(values * 255).clip(0, 255).astype(np.uint8)
