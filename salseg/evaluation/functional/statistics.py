"""Mean, recall and decay of an object's values over time."""

from typing import NamedTuple

import numpy as np

from salseg.errors import DataError


class TimeStatistics(NamedTuple):
    """Summary of one object's values.

    Attributes:
        mean: Mean over the frames that count.
        recall: Fraction of them above 0.5.
        decay: Mean of the first quarter less mean of the last.
    """

    mean: float
    recall: float
    decay: float


def time_statistics(values: np.ndarray) -> TimeStatistics:
    """Statistics of the DAVIS evaluation (Perazzi et al., CVPR 2016, section 5).

    The quarters are cut at round(linspace(1, n, 5)), half to even, and include both cut points, so that neighbours
    share a frame. The cut points are whole numbers of any size: the public code keeps them in 8 bits, and from 256
    frames on its decay is not that of the quarters.

    Args:
        values: (n,) float. Frames of NaN do not count: they are in no mean, no fraction and no quarter, as if the object's
            frames had been cut out of the video. Nothing but NaN gives NaN.

    Raises:
        DataError: There is no value.

    Examples:
        >>> time_statistics(np.array([1.0, 0.75, 0.75, 0.5, 0.25]))
        TimeStatistics(mean=0.65, recall=0.6, decay=0.5)
        >>> time_statistics(np.array([np.nan, np.nan, 1.0, 0.75, 0.75, 0.5, 0.25]))
        TimeStatistics(mean=0.65, recall=0.6, decay=0.5)
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not values.size:
        raise DataError(f'values over time have shape {values.shape}; expected (frames,) with at least one frame.')
    values = values[~np.isnan(values)]
    if not values.size:
        return TimeStatistics(float('nan'), float('nan'), float('nan'))
    cuts = (np.round(np.linspace(1, len(values), 5) + 1e-10) - 1).astype(np.intp)
    first, last = values[cuts[0] : cuts[1] + 1], values[cuts[3] : cuts[4] + 1]
    return TimeStatistics(float(values.mean()), float(np.mean(values > 0.5)), float(first.mean() - last.mean()))


def nan_mean(values: np.ndarray) -> float:
    """Mean without NaN; NaN if nothing is left."""
    kept = np.asarray(values)[~np.isnan(values)]
    return float(kept.mean()) if kept.size else float('nan')
