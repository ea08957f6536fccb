"""Prototypes of a group of images: seeds that all images vote for, responses, filters (DCFM, CVPR 2022; thesis 5.2.2).

Shapes: N images of one group, C channels, P positions of a map. Positions are row-major.
"""

import math
from collections.abc import Iterator
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

DEFAULT_BYTES = 32 * 2**20


def similarity_maxima(queries: Tensor, keys: Tensor, max_bytes: int = DEFAULT_BYTES) -> Iterator[Tensor]:
    """Largest scaled similarity of every position to each image, block by block (thesis eq. 5.2, 5.3), without
    gradient.

    All similarities are (N P)^2 numbers; only a block of rows exists at a time. A maximum is exact, so the result does
    not depend on the size of the blocks but for the rounding of the products.

    Args:
        queries: (N, P, C).
        keys: (N, P, C).
        max_bytes: Of a block of similarities; a block has one row at least.

    Yields:
        (rows, N) for the next rows of all N P positions, image by image; similarities are divided by sqrt(C).
    """
    images, positions, channels = keys.shape
    # Detached: only an index comes of it, and a graph over (N P)^2 products would be the largest thing in training.
    rows, columns = queries.detach().flatten(0, 1), keys.detach().flatten(0, 1).t()
    size = max(1, max_bytes // (columns.shape[1] * queries.element_size()))
    # One buffer for all blocks: its size is the bound that was promised.
    buffer = queries.new_empty(min(size, len(rows)), columns.shape[1])
    for block in rows.split(size):
        products = torch.matmul(block, columns, out=buffer[: len(block)])
        # Scaled after the maximum: rounding is monotone, so this equals the maximum of the scaled values.
        yield products.unflatten(1, (images, positions)).amax(2).mul_(1 / math.sqrt(channels))


def _mean(values: Tensor, dim: int, voters: Tensor | None) -> Tensor:
    """Mean over the axis of the images, of those that vote; 0 where none does."""
    if voters is None:
        return values.mean(dim)
    shape = [1] * values.ndim
    shape[dim] = -1
    # Their number stays on its device: asked for on the host, every training step would wait for it.
    return (values * voters.to(values.dtype).view(shape)).sum(dim) / voters.sum().clamp(min=1)


@torch.no_grad()
def seed_logits(queries: Tensor, keys: Tensor, max_bytes: int = DEFAULT_BYTES, voters: Tensor | None = None) -> Tensor:
    """Mean over the images of each position's largest similarity (thesis eq. 5.4), (N, P), without gradient.

    The choice of a seed is an index, so no gradient could pass through here anyway.

    Args:
        queries: (N, P, C).
        keys: (N, P, C).
        max_bytes: See `similarity_maxima`.
        voters: (N,) bool, which images have a vote; None means all.

    Examples:
        >>> features = torch.rand(3, 6, 8)  # three images, six positions, eight channels
        >>> tuple(seed_logits(features, features).shape)
        (3, 6)
    """
    blocks = similarity_maxima(queries, keys, max_bytes)
    # Largest per image, then a mean: every image has one vote, whatever its number of matching positions (eq. 5.4).
    return torch.cat([_mean(maxima, 1, voters) for maxima in blocks]).view(queries.shape[:2])


@torch.no_grad()
def select_seeds(logits: Tensor, ties: Literal['sum', 'first'] = 'first') -> Tensor:
    """Where each image's seed is (thesis eq. 5.5, 5.6), (N, P) bool.

    Args:
        logits: (N, P), see `seed_logits`.
        ties: 'sum' selects every position whose softmax equals the largest, as the released code does: one as a rule,
            all of them where an image is constant. 'first' always selects one.

    Raises:
        ValueError: ``ties`` is unknown.

    Examples:
        >>> select_seeds(torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])).int()
        tensor([[0, 1, 0],
                [1, 0, 0]], dtype=torch.int32)
    """
    if ties == 'sum':
        # The softmax changes nothing but ties made by its rounding; the released code takes it.
        probability = logits.softmax(1)
        return probability == probability.amax(1, keepdim=True)
    if ties != 'first':
        raise ValueError(f"ties is {ties!r}; seeds are selected by 'sum' or 'first'.")
    # A mask and no index, so that both rules go through the same sum.
    return F.one_hot(logits.argmax(1), logits.shape[1]).bool()


def seed_vectors(unit: Tensor, selected: Tensor) -> Tensor:
    """Sum of the selected positions' vectors (thesis eq. 5.7), (N, C); of unit length where one was selected.

    Args:
        unit: (N, C, P), of unit length along C.
        selected: (N, P) bool; constant for the gradient.

    Examples:
        >>> unit = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])  # one image, two channels, two positions
        >>> seed_vectors(unit, torch.tensor([[False, True]]))
        tensor([[0., 1.]])
    """
    # A sum and no mean, as released: with ties the seed is longer, and its image outweighs the others.
    return torch.einsum('ncp,np->nc', unit, selected.to(unit.dtype))


def mean_response(
    unit: Tensor, seeds: Tensor, rectify: bool, max_bytes: int = DEFAULT_BYTES, voters: Tensor | None = None
) -> Tensor:
    """Mean over the seeds of their correlation with every position (thesis eq. 5.8, 5.9), (N, P).

    Args:
        unit: (N, C, P), of unit length along C.
        seeds: (N, C), those of all images of the group.
        rectify: Set negative correlations to 0 before the mean. Without, the mean is taken of the seeds instead, which
            costs N times less and gives the same.
        max_bytes: Of a block of correlations.
        voters: (N,) bool, see `seed_logits`.

    Examples:
        >>> unit = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
        >>> mean_response(unit, torch.tensor([[1.0, 0.0]]), rectify=True)
        tensor([[1., 0.]])
    """
    if not rectify:
        # Without the cut the mean of correlations is the correlation with the mean.
        return torch.einsum('ncp,c->np', unit, _mean(seeds, 0, voters))
    images, _, positions = unit.shape
    size = max(1, max_bytes // (images * positions * unit.element_size()))
    # The cut comes before the mean, so every pair of images has to be there: a position unlike one seed must not undo
    # that it is like another.
    return torch.cat([_mean((seeds @ block).relu(), 1, voters) for block in unit.split(size)])


def stretch(response: Tensor, epsilon: float = 1e-12) -> Tensor:
    """Each image's response to [0, 1] by its own least and largest value, (N, P).

    Args:
        response: (N, P).
        epsilon: Keeps a constant response finite; the gradient there is multiplied by up to 1 / epsilon.

    Examples:
        >>> stretch(torch.tensor([[1.0, 2.0, 5.0]]))
        tensor([[0.0000, 0.2500, 1.0000]])
    """
    # Per image: an image in which the common object is small or dark would otherwise have no position that counts.
    low, high = response.amin(1, keepdim=True), response.amax(1, keepdim=True)
    return (response - low) / (high - low + epsilon)


def group_prototype(features: Tensor, response: Tensor, voters: Tensor | None = None) -> Tensor:
    """Mean over images and positions of features times response (thesis eq. 5.10), (C,).

    Args:
        features: (N, C, P).
        response: (N, P).
        voters: (N,) bool, see `seed_logits`.

    Examples:
        >>> features = torch.tensor([[[1.0, 3.0]], [[5.0, 7.0]]])  # two images, one channel, two positions
        >>> group_prototype(features, torch.ones(2, 2))
        tensor([4.])
    """
    # Divided by the number of positions and not by the sum of the response (eq. 5.10): a group that agrees on little
    # gets a short prototype.
    if voters is None:
        return torch.einsum('ncp,np->c', features, response) / response.numel()
    total = torch.einsum('ncp,np->c', features, response * voters.to(response.dtype).unsqueeze(1))
    return total / (voters.sum().clamp(min=1) * response.shape[1])


def dynamic_depthwise(x: Tensor, kernels: Tensor) -> Tensor:
    """Cross-correlate every channel of every image with its own filter, zeros outside.

    Args:
        x: (B, C, h, w).
        kernels: (B, C, k, k), k odd.

    Returns:
        (B, C, h, w).

    Examples:
        >>> x, kernels = torch.ones(1, 2, 4, 4), torch.zeros(1, 2, 3, 3)
        >>> kernels[:, 0, 1, 1] = 2.0
        >>> dynamic_depthwise(x, kernels).mean((2, 3))
        tensor([[2., 0.]])
    """
    batch, channels, size = *x.shape[:2], kernels.shape[-1]
    # Images become channels: a grouped convolution then has a filter of its own for each of them, in one call.
    folded = x.reshape(1, batch * channels, *x.shape[-2:])
    filters = kernels.reshape(batch * channels, 1, size, size)
    return F.conv2d(folded, filters, padding=size // 2, groups=batch * channels).reshape(x.shape)
