"""Contrast: candidates, hard mining and the loss over a video; self-contrast of prototypes."""

import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.ops.precision import at_least_float32


def region_vectors(features: Tensor, regions: Tensor) -> tuple[Tensor, Tensor]:
    """Mean feature of a region, one vector an image.

    Args:
        features: (..., C, h, w).
        regions: (..., h, w), bool.

    Returns:
        (..., C) and whether the region has any pixel (...,) bool; the vector of an empty region is 0.
    """
    weights = regions.to(features.dtype).unsqueeze(-3)
    count = weights.sum((-2, -1))
    return (features * weights).sum((-2, -1)) / count.clamp(min=1), count.squeeze(-1) > 0


def region_errors(prediction: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """How wrong a prediction is inside the true foreground, mean(1 - S), and inside the background, mean(S).

    Args:
        prediction: (..., h, w) in [0, 1].
        truth: (..., h, w), bool.

    Returns:
        Two tensors (...); 0 for an empty region.
    """
    foreground, background = truth.to(prediction.dtype), (~truth).to(prediction.dtype)
    wrong_inside = ((1 - prediction) * foreground).sum((-2, -1)) / foreground.sum((-2, -1)).clamp(min=1)
    wrong_outside = (prediction * background).sum((-2, -1)) / background.sum((-2, -1)).clamp(min=1)
    return wrong_inside, wrong_outside


def choose_candidates(scores: Tensor, allowed: Tensor, count: int | None) -> tuple[Tensor, Tensor]:
    """For every anchor the allowed candidates of highest score, highest first.

    Args:
        scores: (..., N), of the candidates; equal scores go by index.
        allowed: (..., A, N), bool: which candidates an anchor may take.
        count: How many to take; None takes all.

    Returns:
        Indices (..., A, k) with k = min(count, N), and bool of the same shape: False where an anchor has fewer.
    """
    wanted = allowed.shape[-1] if count is None else min(count, allowed.shape[-1])
    ranked = scores.unsqueeze(-2).expand(allowed.shape).masked_fill(~allowed, -torch.inf)
    index = ranked.argsort(dim=-1, descending=True, stable=True)[..., :wanted]
    return index, allowed.gather(-1, index)


def info_nce(
    anchors: Tensor,
    positives: Tensor,
    negatives: Tensor,
    positive_valid: Tensor,
    negative_valid: Tensor,
    temperature: float = 0.1,
    normalize: bool = True,
) -> tuple[Tensor, Tensor]:
    """-log of the positives' fraction of all exponentiated similarities, for every anchor.

    Evaluated as logsumexp(all) - logsumexp(positives) in float32: the plain quotient overflows already for dot products
    of 9 at a temperature of 0.1.

    Args:
        anchors: (..., A, C).
        positives: (..., A, P, C).
        negatives: (..., A, Q, C).
        positive_valid: (..., A, P), bool.
        negative_valid: (..., A, Q), bool.
        temperature: Divides the similarities.
        normalize: Compare directions only; without it long features saturate the loss.

    Returns:
        Loss (..., A), 0 for an anchor that lacks either kind, and bool (..., A): which anchors have both.
    """
    anchors, positives, negatives = (at_least_float32(value) for value in (anchors, positives, negatives))
    if normalize:
        anchors, positives, negatives = (F.normalize(value, dim=-1) for value in (anchors, positives, negatives))
    complete = positive_valid.any(-1) & negative_valid.any(-1)

    def logits(others: Tensor, valid: Tensor) -> Tensor:
        similarity = (anchors.unsqueeze(-2) * others).sum(-1) / temperature
        # An anchor without candidates would give -inf and a NaN gradient; it is masked out below.
        return similarity.masked_fill(~(valid | ~complete.unsqueeze(-1)), -torch.inf)

    near, far = logits(positives, positive_valid), logits(negatives, negative_valid)
    loss = torch.logsumexp(torch.cat([near, far], dim=-1), dim=-1) - torch.logsumexp(near, dim=-1)
    return torch.where(complete, loss, 0.0), complete


def cosine_affinity(first: Tensor, second: Tensor, epsilon: float = 1e-5) -> Tensor:
    """Cosine of two prototypes, mapped to [0, 1] (thesis eq. 5.13), (B,).

    Args:
        first: (B, C).
        second: (B, C); zero gives one half.
        epsilon: Added to the product of the lengths.
    """
    first, second = at_least_float32(first), at_least_float32(second)
    lengths = first.norm(dim=1) * second.norm(dim=1)
    return 0.5 * (1 + (first * second).sum(1) / (lengths + epsilon))


def self_contrastive(
    whole: Tensor, foreground: Tensor, background: Tensor, epsilon: float = 1e-5
) -> tuple[Tensor, Tensor]:
    """Positive and negative term of the self-contrastive loss (thesis eq. 5.16), (B,) each, in nats.

    All three prototypes carry gradient.

    Args:
        whole: (B, C), of the features as they are.
        foreground: (B, C), of the features with the background erased.
        background: (B, C), of the features with the objects erased.
        epsilon: Keeps the logarithms and the cosine finite.
    """
    positive = -(cosine_affinity(whole, foreground, epsilon) + epsilon).log()
    negative = -(1 - cosine_affinity(whole, background, epsilon) + epsilon).log()
    return positive, negative
