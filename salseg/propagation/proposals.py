"""Objects proposed by saliency maps of some frames: which are common over time, and which are the same object.

A *look* is a frame whose saliency map was taken; a *proposal* is a connected part of its mask.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from salseg.errors import DataError
from salseg.ops.prototypes import similarity_maxima

THRESHOLD, LEAST_AREA, MOST = 0.5, 0.003, 8
# Overlap divided by the smaller of two masks, from which on they are one object.
SAME = 0.4


def propose(
    saliency: np.ndarray, threshold: float = THRESHOLD, least_area: float = LEAST_AREA, most: int = MOST
) -> np.ndarray:
    """Connected parts of a saliency map, the largest first.

    Args:
        saliency: (H, W) uint8, probability times 255.
        threshold: Probability, in (0, 1), from which on a pixel is salient.
        least_area: Fraction of the image, below which a part is dropped.
        most: So many parts are kept.

    Returns:
        (n, H, W) bool, disjoint.

    Examples:
        >>> saliency = np.zeros((20, 20), np.uint8)
        >>> saliency[2:6, 2:6], saliency[10:18, 10:18] = 200, 255
        >>> propose(saliency).sum((1, 2))
        array([64, 16])
    """
    parts, count = ndimage.label(saliency.astype(np.float32) / 255 >= threshold)
    areas = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    order = np.argsort(-areas, kind='stable')[:most]
    kept = [place + 1 for place in order.tolist() if areas[place] >= max(1, least_area * saliency.size)]
    return np.stack([parts == place for place in kept]) if kept else np.zeros((0, *saliency.shape), bool)


def common_votes(vectors: Sequence[Tensor], numbers: Sequence[int], distance: int) -> list[Tensor]:
    """How common each proposal is over time: the mean over distant looks of its largest similarity to one there.

    The vote of DCFM's seeds (CVPR 2022; thesis eq. 5.4), between proposals in the place of positions; looks near in time
    have none, as whatever lies in a frame lies in the next one too.

    Args:
        vectors: By look, (n, C) of unit length along C; n may be 0.
        numbers: Of the looks' frames.
        distance: Frames from which on a look is distant.

    Returns:
        By look, (n,) in [0, 1]; 1 where no look is distant enough to vote.

    Raises:
        DataError: There are not as many numbers as looks.

    Examples:
        >>> cat, car = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
        >>> votes = common_votes([torch.stack([cat, car]), cat[None], cat[None]], [0, 10, 20], distance=10)
        >>> [vote.round(decimals=4).tolist() for vote in votes]
        [[1.0, 0.0], [1.0], [1.0]]
    """
    if len(vectors) != len(numbers):
        raise DataError(f'{len(vectors)} looks were given with {len(numbers)} numbers of frames.')
    if not vectors:
        return []
    channels = vectors[0].shape[1]
    # One row of zeros more than is needed: similarities below 0 say no more than that nothing is alike.
    filled = vectors[0].new_zeros(len(vectors), 1 + max(len(rows) for rows in vectors), channels)
    for place, rows in enumerate(vectors):
        filled[place, : len(rows)] = rows
    maxima = torch.cat(list(similarity_maxima(filled, filled))) * math.sqrt(channels)
    maxima = maxima.unflatten(0, filled.shape[:2]).clamp(max=1)
    at = torch.tensor(list(numbers))
    distant = (at[:, None] - at[None]).abs() >= distance
    voters = distant.sum(1)
    votes = (maxima * distant[:, None]).sum(2) / voters.clamp(min=1)[:, None]
    votes[voters == 0] = 1.0
    return [votes[place, : len(rows)] for place, rows in enumerate(vectors)]


def overlaps(labels: np.ndarray, masks: np.ndarray, ids: Sequence[int]) -> np.ndarray:
    """Pixels that proposals have in common with tracked objects, divided by the smaller of the two.

    Args:
        labels: (H, W) uint8 ids of the tracked objects.
        masks: (n, H, W) bool.
        ids: Of the objects that are asked for.

    Returns:
        (n, len(ids)) in [0, 1]; 0 for an object without a pixel.
    """
    found = np.zeros((len(masks), len(ids)))
    for column, index in enumerate(ids):
        own = labels == index
        for row, mask in enumerate(masks):
            smaller = min(int(own.sum()), int(mask.sum()))
            found[row, column] = (own & mask).sum() / smaller if smaller else 0.0
    return found


def identify(labels: np.ndarray, masks: np.ndarray, ids: Sequence[int], same: float = SAME) -> list[int | None]:
    """Which tracked object each proposal of a frame is.

    Args:
        labels: (H, W) uint8 ids of the tracked objects.
        masks: (n, H, W) bool.
        ids: Of the tracked objects.
        same: Overlap, see `overlaps`, from which on a proposal is an object.

    Returns:
        By proposal, an id; 0 for a newcomer, which overlaps with no object; None for one that covers several objects, or
        only a little of one: it is neither.

    Examples:
        >>> labels = np.zeros((8, 8), np.uint8)
        >>> labels[:3, :3], labels[:3, 5:] = 1, 2
        >>> masks = np.zeros((3, 8, 8), bool)
        >>> masks[0, :3, 1:4], masks[1, 5:, 5:], masks[2, :3, :] = True, True, True
        >>> identify(labels, masks, [1, 2])
        [1, 0, None]
    """
    found: list[int | None] = []
    for row in overlaps(labels, masks, ids):
        reached = np.flatnonzero(row >= same)
        if len(reached) > 1 or (len(reached) == 0 and row.max(initial=0.0) > same / 2):
            found.append(None)
        else:
            found.append(int(ids[reached[0]]) if len(reached) else 0)
    return found
