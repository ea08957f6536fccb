"""Squared difference of maps."""

from torch import Tensor

from salseg.ops.precision import at_least_float32


def sum_squared_error(maps: Tensor, truth: Tensor) -> Tensor:
    """Sum over all pixels of the squared difference (mask-guided FCN, eq. 9), scalar.

    Args:
        maps: Any shape.
        truth: Same shape.
    """
    return (at_least_float32(maps) - at_least_float32(truth)).square().sum()
