"""Region similarity J: intersection over union of masks."""

import numpy as np

from salseg.errors import DataError


def region_similarity_j(prediction: np.ndarray, ground_truth: np.ndarray, void: np.ndarray | None = None) -> float:
    """Intersection over union of two masks, 1 where both are empty (Perazzi et al., CVPR 2016).

    Args:
        prediction: (H, W) bool.
        ground_truth: (H, W) bool.
        void: (H, W) bool, pixels that count on neither side.

    Raises:
        DataError: Shapes or dtypes do not fit.

    Examples:
        >>> truth = np.array([[True, True, False]])
        >>> round(float(region_similarity_j(np.array([[False, True, True]]), truth)), 4)
        0.3333
    """
    prediction, ground_truth = checked_masks(prediction, ground_truth, void)
    union = np.count_nonzero(prediction | ground_truth)
    return np.count_nonzero(prediction & ground_truth) / union if union else 1.0


def overlap_matrix(ground_truth: np.ndarray, prediction: np.ndarray, objects: int, proposals: int) -> np.ndarray:
    """J of every proposal with every object of one frame, from one joint count of labels.

    Args:
        ground_truth: (H, W) labels; those above `objects` are background.
        prediction: (H, W) labels, at most `proposals`.
        objects: Number of objects, labelled from 1.
        proposals: Number of proposals, labelled from 1.

    Returns:
        (proposals, objects) float64.
    """
    joint = np.bincount(
        ground_truth.astype(np.intp).ravel() * (proposals + 1) + prediction.ravel(),
        minlength=(objects + 1) * (proposals + 1),
    ).reshape(-1, proposals + 1)
    both = joint[1 : objects + 1, 1:].T
    union = joint.sum(0)[1:, None] + joint.sum(1)[None, 1 : objects + 1] - both
    return np.where(union == 0, 1.0, both / np.maximum(union, 1))


def checked_masks(
    prediction: np.ndarray, ground_truth: np.ndarray, void: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Two masks without the void pixels, after a check that all are bool and of one shape."""
    named = [('prediction', prediction), ('ground truth', ground_truth), ('void mask', void)]
    for name, mask in named:
        if mask is not None and (mask.ndim != 2 or mask.dtype != bool or mask.shape != ground_truth.shape):
            raise DataError(
                f'the {name} is {mask.dtype} of shape {mask.shape}; expected bool of shape (height, '
                f'width), the same for all: the ground truth has {ground_truth.shape}.'
            )
    if void is None:
        return prediction, ground_truth
    return prediction & ~void, ground_truth & ~void
