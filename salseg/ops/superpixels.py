"""Superpixels and what is computed over them."""

import numpy as np
import torch
from torch import Tensor


def slic(image: np.ndarray, segments: int = 200, compactness: float = 20.0) -> Tensor:
    """SLIC superpixels of an image (scikit-image), (H, W) int64 counting from 0 without gaps.

    Args:
        image: (H, W, 3) uint8 RGB.
        segments: How many are requested; smooth images get fewer.
        compactness: Weight of nearness against colour.

    Raises:
        ImportError: scikit-image is not installed.
    """
    try:
        from skimage.segmentation import slic as segment
    except ImportError as error:
        raise ImportError('superpixels need scikit-image: `pip install scikit-image`.') from error
    labels = segment(image, n_segments=segments, compactness=compactness, start_label=0)
    return torch.from_numpy(np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int64))


def superpixel_means(labels: Tensor, values: Tensor) -> Tensor:
    """Mean of some maps over every superpixel, (n, C) float64.

    Args:
        labels: (H, W) int64 from 0 without gaps.
        values: (C, H, W).
    """
    flat, count = labels.flatten(), int(labels.max()) + 1
    sums = values.new_zeros(count, len(values), dtype=torch.float64)
    sums.index_add_(0, flat, values.flatten(1).t().double())
    return sums / superpixel_areas(labels)[:, None]


def superpixel_areas(labels: Tensor) -> Tensor:
    """Pixels of every superpixel, (n,) int64."""
    return torch.bincount(labels.flatten())


def touching(labels: Tensor) -> Tensor:
    """Pairs of superpixels with pixels that touch, corners included, (E, 2) int64 sorted, each pair in both orders.

    Args:
        labels: (H, W) int64.
    """
    pairs = [
        (labels[:, :-1], labels[:, 1:]),
        (labels[:-1], labels[1:]),
        (labels[:-1, :-1], labels[1:, 1:]),
        (labels[:-1, 1:], labels[1:, :-1]),
    ]
    both = torch.cat([torch.stack([a.flatten(), b.flatten()], dim=1) for a, b in pairs])
    both = both[both[:, 0] != both[:, 1]]
    return torch.cat([both, both.flip(1)]).unique(dim=0)
