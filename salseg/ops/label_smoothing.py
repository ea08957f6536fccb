"""Multi-scale label smoothing: superpixels of a group, pixels of its images, in turn (mask-guided FCN, section 4)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from salseg.ops.color import rgb_to_lab
from salseg.ops.manifold_ranking import SuperpixelGraph, rank_nodes
from salseg.ops.superpixels import slic, superpixel_areas, superpixel_means, touching

Refine = Callable[[np.ndarray, Tensor], Tensor]


@dataclass(frozen=True)
class SmoothingSettings:
    """Numbers of the smoothing; those that the paper does not give are ours.

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
    score = score.clamp(0.01, 0.99)
    return torch.logit(score) if unary == 'log' else 2 * score - 1


def smooth_labels(
    images: Sequence[np.ndarray], maps: Sequence[Tensor], refine: Refine, settings: SmoothingSettings | None = None
) -> list[Tensor]:
    """Maps of a group, refined by ranking superpixels over the group and a random field in each image, in turn.

    Args:
        images: (H, W, 3) uint8 RGB each; sizes may differ.
        maps: (H, W) in [0, 1] each, at the images' sizes.
        refine: Image and logits (H, W) to a foreground marginal (H, W): a dense CRF.
        settings: Numbers.

    Returns:
        (H, W) in [0, 1] each.

    Raises:
        ValueError: A map does not have its image's size.
    """
    settings = settings or SmoothingSettings()
    for image, value in zip(images, maps, strict=True):
        if image.shape[:2] != tuple(value.shape):
            raise ValueError(f'a map {tuple(value.shape)} does not have the size of its image {image.shape[:2]}.')
    labels = [slic(image, settings.segments, settings.compactness) for image in images]
    graph, counts = group_graph(images, labels, settings.sigma2)
    prior = {'unit': 1.0, 'none': 0.0}.get(settings.prior)
    prior = torch.cat([superpixel_areas(x) for x in labels]) if prior is None else prior
    marked = torch.cat([indicator(*pair) for pair in zip(labels, maps)])
    for _ in range(settings.rounds):
        rank = rank_nodes(graph, marked, prior, settings.lambda4, settings.beta)
        rank = (rank - rank.min()) / (rank.max() - rank.min()).clamp(min=1e-12)
        scores = [foreground_score(*given, settings.beta) for given in zip(labels, maps, rank.split(counts))]
        marginals = [refine(image, score_logits(s, settings.unary)) for image, s in zip(images, scores)]
        masked = [value * (marginal > 0.5) for value, marginal in zip(maps, marginals)]
        before, marked = marked, torch.cat([indicator(*pair) for pair in zip(labels, masked)])
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
    tensors = (torch.from_numpy(image).permute(2, 0, 1)[None] for image in images)
    means = torch.cat([superpixel_means(x, rgb_to_lab(tensor)[0]) for x, tensor in zip(labels, tensors)])
    low, high = means.amin(0), means.amax(0)
    features = (means - low) / (high - low).clamp(min=1e-12)
    which = torch.cat([torch.full((count,), i) for i, count in enumerate(counts)])
    edges = torch.cat([touching(x) + int(start) for x, start in zip(labels, starts)])
    return SuperpixelGraph(features, which, edges, sigma2), counts
