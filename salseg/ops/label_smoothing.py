"""Multi-scale label smoothing: superpixels of a group, pixels of its images, in turn (mask-guided FCN, section 4)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from salseg.ops.color import rgb_to_lab


def slic(image: np.ndarray, segments: int = 200, compactness: float = 20.0) -> Tensor:
    """SLIC superpixels of an image (scikit-image), (H, W) int64 counting from 0 without gaps.

    Args:
        image: (H, W, 3) uint8 RGB.
        segments: How many are requested; smooth images get fewer.
        compactness: Weight of nearness against colour.

    Raises:
        ImportError: scikit-image is not installed.

    Examples:
        >>> image = np.zeros((32, 32, 3), np.uint8)
        >>> image[:, 16:] = 255
        >>> labels = slic(image, segments=4)
        >>> tuple(labels.shape), bool(labels[0, 0] == labels[0, 31])
        ((32, 32), False)
    """
    try:
        from skimage.segmentation import slic as segment
    except ImportError as error:
        raise ImportError('superpixels need scikit-image: `pip install scikit-image`.') from error
    # SLIC may skip numbers; everything below indexes by label.
    labels = segment(image, n_segments=segments, compactness=compactness, start_label=0)
    return torch.from_numpy(np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int64))


def superpixel_means(labels: Tensor, values: Tensor) -> Tensor:
    """Mean of some maps over every superpixel, (n, C) float64.

    Args:
        labels: (H, W) int64 from 0 without gaps.
        values: (C, H, W).

    Examples:
        >>> labels = torch.tensor([[0, 0, 1]])
        >>> superpixel_means(labels, torch.tensor([[[1.0, 3.0, 5.0]]]))
        tensor([[2.],
                [5.]], dtype=torch.float64)
    """
    flat, count = labels.flatten(), int(labels.max()) + 1
    # In double precision: a superpixel may have 100,000 pixels.
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
    # Most neighbouring pixels are of one superpixel, which is no edge.
    both = both[both[:, 0] != both[:, 1]]
    return torch.cat([both, both.flip(1)]).unique(dim=0)


class SuperpixelGraph:
    """Affinities between the superpixels of a group: all pairs across images, neighbours within an image.

    The M x M matrix is kept if it fits the budget and made again row by row, block by block, where it does not.

    Args:
        features: (M, C), colours in [0, 1].
        image: (M,) int, which image each node belongs to.
        neighbours: (E, 2) int, pairs of touching superpixels of the same image, each pair in both orders.
        sigma2: Width of the affinity exp(-|y_i - y_j| / sigma2).
        max_bytes: Of the part of the matrix that exists at once.
    """

    def __init__(
        self, features: Tensor, image: Tensor, neighbours: Tensor, sigma2: float = 0.1, max_bytes: int = 256 * 2**20
    ) -> None:
        self.features = features.double()
        self.image = image
        self.neighbours = neighbours
        self.sigma2 = sigma2
        self.size = max(1, max_bytes // (len(features) * self.features.element_size()))
        self._kept = self.rows(0, len(features)) if self.size >= len(features) else None
        degree = torch.cat([block.sum(1) for _, block in self._blocks()])
        # A node without any neighbour has a row of zeros, also when normalised.
        self.scale = torch.where(degree > 0, degree.clamp(min=1e-300).rsqrt(), 0.0)

    def __len__(self) -> int:
        return len(self.features)

    def rows(self, start: int, stop: int) -> Tensor:
        """Rows start..stop of the affinity matrix, (stop - start, M) float64 in [0, 1]; 0 on the diagonal."""
        # The fast form by products loses what matters for near colours, and the affinity is largest there.
        distance = torch.cdist(self.features[start:stop], self.features, compute_mode='donot_use_mm_for_euclid_dist')
        weights = distance.div_(-self.sigma2).exp_()
        own = self.neighbours[(self.neighbours[:, 0] >= start) & (self.neighbours[:, 0] < stop)]
        touching = weights[own[:, 0] - start, own[:, 1]]
        # Within an image only touching superpixels are alike: two far apart may be object and
        # background of one colour.
        weights.masked_fill_(self.image[start:stop, None] == self.image, 0)
        weights[own[:, 0] - start, own[:, 1]] = touching
        return weights

    def _blocks(self) -> Iterator[tuple[int, Tensor]]:
        if self._kept is not None:
            yield 0, self._kept
            return
        for start in range(0, len(self), self.size):
            yield start, self.rows(start, min(start + self.size, len(self)))

    def spread(self, values: Tensor) -> Tensor:
        """Product of the symmetrically normalised affinity D^-1/2 W D^-1/2 with a vector, (M,)."""
        # Scaled on both sides here, so that no second matrix is made.
        scaled = self.scale * values
        return self.scale * torch.cat([block @ scaled for _, block in self._blocks()])


def rank_nodes(
    graph: SuperpixelGraph, indicator: Tensor, prior: Tensor | float = 1.0, lambda4: float = 1.0, beta: float = 0.9,
    tolerance: float = 1e-10, max_iterations: int = 200,
) -> Tensor:  # fmt: skip
    """Ranking score of every node (paper eq. 17), by conjugate gradients, (M,) float64.

    The eigenvalues of the matrix lie in [lambda4, 2 + lambda4] whatever the size of the group, so the number of rounds
    does not grow with it: for lambda4 = 1 every round gains a factor of 3.7 or more.

    Args:
        graph: Over the whole group.
        indicator: (M,), 1 for nodes marked as foreground, else 0.
        prior: What stands for P^T 1: the paper prints the number of pixels of each superpixel, which leaves the
            indicator without influence; 1 is the normalised reading, 0 leaves the term out.
        lambda4: Weight of the indicator.
        beta: Fraction of the pixels' own saliency.
        tolerance: Relative residual to stop at.
        max_iterations: Rounds at most.

    Raises:
        ValueError: ``lambda4`` is not positive.
        ArithmeticError: The tolerance was not reached.

    Examples:
        >>> features = torch.tensor([[0.0], [0.0], [1.0]])  # two alike nodes and another one, each in its own image
        >>> graph = SuperpixelGraph(features, torch.tensor([0, 1, 2]), torch.zeros(0, 2, dtype=torch.int64))
        >>> rank = rank_nodes(graph, torch.tensor([1, 0, 0]), prior=0.0)
        >>> bool(rank[0] > rank[1] > rank[2])
        True
    """
    if lambda4 <= 0:
        raise ValueError(f'lambda4 is {lambda4}; the ranking has one solution for positive values only.')
    right = lambda4 * indicator.double() + (1 - beta) / 2 * torch.as_tensor(
        prior, dtype=torch.float64, device=indicator.device
    )
    solution = torch.zeros_like(right)
    residual = right.clone()
    step, squared = residual.clone(), residual @ residual
    # Squares are compared, so that no root is taken in a round.
    goal = squared * tolerance**2
    for _ in range(max_iterations):
        if squared <= goal:
            return solution
        product = (1 + lambda4) * step - graph.spread(step)
        # The best length along this direction; the matrix is positive definite, so it is never divided by 0.
        length = squared / (step @ product)
        solution, residual = solution + length * step, residual - length * product
        before, squared = squared, residual @ residual
        # The next direction is conjugate to all before it: the error never grows again along them.
        step = residual + squared / before * step
    raise ArithmeticError(f'ranking {len(graph)} superpixels did not reach {tolerance} in {max_iterations} rounds.')


Refine = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class SmoothingSettings:
    """Parameters of the smoothing; where the paper gives none, ours.

    Attributes:
        rounds: Alternations at most; it ends sooner when no indicator changes (ours).
        segments: Superpixels per image that are requested (ours).
        compactness: Of the superpixels (ours).
        sigma2: Width of the colour affinity, for colours in [0, 1] (ours).
        lambda4: Weight of the indicator (paper).
        beta: Fraction of the map in a pixel's score, the rest is its superpixel's rank (paper).
        prior: What P^T 1 of eq. 17 is: 'unit' one per superpixel (ours), 'count' its pixels (as printed), 'none' 0.
        unary: 'log', minus the logarithm of the score and of its complement (ours), or 'linear', minus the score
            (paper).
        output: 'masked', the map times the last labels, or 'marginal', the random field's probability.
    """

    rounds: int = 3
    segments: int = 200
    compactness: float = 20.0
    sigma2: float = 0.1
    lambda4: float = 1.0
    beta: float = 0.9
    prior: Literal['unit', 'count', 'none'] = 'unit'
    unary: Literal['log', 'linear'] = 'log'
    output: Literal['masked', 'marginal'] = 'masked'


def indicator(labels: Tensor, saliency: Tensor) -> Tensor:
    """1 for superpixels whose mean saliency is above the image's, (n,) float64.

    Args:
        labels: (H, W) int64 from 0 without gaps.
        saliency: (H, W).
    """
    return (superpixel_means(labels, saliency[None])[:, 0] > saliency.double().mean()).double()


def foreground_score(labels: Tensor, saliency: Tensor, rank: Tensor, beta: float = 0.9) -> Tensor:
    """A pixel's fraction of its own saliency and of its superpixel's rank (paper eq. 13), (H, W).

    Args:
        labels: (H, W) int64 from 0 without gaps.
        saliency: (H, W) in [0, 1].
        rank: (n,) in [0, 1].
        beta: Fraction of the saliency.
    """
    return beta * saliency + (1 - beta) * rank.to(saliency.dtype)[labels]


def score_logits(score: Tensor, unary: Literal['log', 'linear'] = 'log') -> Tensor:
    """U(background) - U(foreground) of a score in [0, 1], same shape."""
    # A certain pixel would have an infinite unary, and no neighbour could ever change it.
    score = score.clamp(0.01, 0.99)
    return torch.logit(score) if unary == 'log' else 2 * score - 1


def smooth_labels(
    images: Sequence[np.ndarray],
    maps: Sequence[Tensor],
    refiners: Sequence[Refine],
    settings: SmoothingSettings | None = None,
) -> list[Tensor]:
    """Maps of a group, refined by ranking superpixels over the group and a random field in each image, in turn.

    Args:
        images: (H, W, 3) uint8 RGB each; sizes may differ.
        maps: (H, W) in [0, 1] each, at the images' sizes, all on the device where they are refined.
        refiners: For each image, from logits (H, W) to a foreground marginal (H, W): a dense CRF, such as
            :class:`salseg.ops.MeanField`.
        settings: Numbers.

    Returns:
        (H, W) in [0, 1] each.

    Raises:
        ValueError: A map does not have its image's size.

    Examples:
        >>> images, maps = [np.zeros((16, 16, 3), np.uint8)], [torch.rand(16, 16)]
        >>> smoothed = smooth_labels(images, maps, refiners=[torch.sigmoid])
        >>> [tuple(values.shape) for values in smoothed]
        [(16, 16)]
    """
    settings = settings or SmoothingSettings()
    for image, value in zip(images, maps, strict=True):
        if image.shape[:2] != tuple(value.shape):
            raise ValueError(f'a map {tuple(value.shape)} does not have the size of its image {image.shape[:2]}.')
    labels = [
        slic(image, settings.segments, settings.compactness).to(value.device)
        for image, value in zip(images, maps, strict=True)
    ]
    graph, counts = group_graph(images, labels, settings.sigma2)
    prior: Tensor | float = 1.0 if settings.prior == 'unit' else 0.0
    if settings.prior == 'count':
        prior = torch.cat([superpixel_areas(x) for x in labels])
    marked = torch.cat([indicator(*pair) for pair in zip(labels, maps)])
    for _ in range(settings.rounds):
        rank = rank_nodes(graph, marked, prior, settings.lambda4, settings.beta)
        # Ranks have no scale of their own; beside a map in [0, 1] they need one.
        rank = (rank - rank.min()) / (rank.max() - rank.min()).clamp(min=1e-12)
        scores = [foreground_score(*given, settings.beta) for given in zip(labels, maps, rank.split(counts))]
        marginals = [refine(score_logits(s, settings.unary)) for refine, s in zip(refiners, scores, strict=True)]
        # The field says where, the map says how much: a mask cuts, it never brightens.
        masked = [value * (marginal > 0.5) for value, marginal in zip(maps, marginals)]
        before, marked = marked, torch.cat([indicator(*pair) for pair in zip(labels, masked)])
        # The same marks give the same ranks, and so the same result for ever.
        if torch.equal(before, marked):
            break
    return masked if settings.output == 'masked' else marginals


def group_graph(
    images: Sequence[np.ndarray], labels: Sequence[Tensor], sigma2: float
) -> tuple[SuperpixelGraph, list[int]]:
    """The graph over all superpixels of a group, and their number in each image.

    A node's features are its mean Lab colour, each channel stretched to [0, 1] over the group.
    """
    counts = [int(x.max()) + 1 for x in labels]
    starts = np.cumsum([0, *counts[:-1]])
    device = labels[0].device
    tensors = (torch.from_numpy(image).to(device).permute(2, 0, 1)[None] for image in images)
    means = torch.cat([superpixel_means(x, rgb_to_lab(tensor)[0]) for x, tensor in zip(labels, tensors)])
    low, high = means.amin(0), means.amax(0)
    # Lab's channels have different ranges, and one width serves all three.
    features = (means - low) / (high - low).clamp(min=1e-12)
    which = torch.cat([torch.full((count,), i, device=device) for i, count in enumerate(counts)])
    edges = torch.cat([touching(x) + int(start) for x, start in zip(labels, starts)])
    return SuperpixelGraph(features, which, edges, sigma2), counts
