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

    Examples:
        >>> features = torch.arange(8.0).reshape(2, 2, 2)  # (C, h, w)
        >>> region_vectors(features, torch.tensor([[True, True], [False, False]]))
        (tensor([0.5000, 4.5000]), tensor(True))
    """
    weights = regions.to(features.dtype).unsqueeze(-3)
    count = weights.sum((-2, -1))
    # Whether it exists is told apart from the vector, since features can be 0 as well.
    return (features * weights).sum((-2, -1)) / count.clamp(min=1), count.squeeze(-1) > 0


def region_errors(prediction: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """How wrong a prediction is inside the true foreground, mean(1 - S), and inside the background, mean(S).

    Args:
        prediction: (..., h, w) in [0, 1].
        truth: (..., h, w), bool.

    Returns:
        Two tensors (...); 0 for an empty region.

    Examples:
        >>> truth = torch.tensor([[True, False]])
        >>> [round(error.item(), 2) for error in region_errors(torch.tensor([[0.9, 0.3]]), truth)]
        [0.1, 0.3]
    """
    foreground, background = truth.to(prediction.dtype), (~truth).to(prediction.dtype)
    # Means over the region, so that a large object is not harder than a small one by its size.
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

    Examples:
        >>> scores, allowed = torch.tensor([0.2, 0.9, 0.5]), torch.tensor([[True, False, True]])
        >>> choose_candidates(scores, allowed, count=2)
        (tensor([[2, 0]]), tensor([[True, True]]))
    """
    wanted = allowed.shape[-1] if count is None else min(count, allowed.shape[-1])
    ranked = scores.unsqueeze(-2).expand(allowed.shape).masked_fill(~allowed, -torch.inf)
    # Stable, so that equal scores give the same candidates on every machine and after every resume.
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

    Examples:
        >>> anchors = torch.tensor([[1.0, 0.0]])  # (A, C)
        >>> positives, negatives = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.0, 1.0]]])
        >>> valid = torch.tensor([[True]])
        >>> loss, complete = info_nce(anchors, positives, negatives, valid, valid, temperature=1.0)
        >>> round(loss.item(), 4), complete.tolist()  # ln(1 + 1 / e)
        (0.3133, [True])
    """
    anchors, positives, negatives = (at_least_float32(value) for value in (anchors, positives, negatives))
    if normalize:
        # Unit vectors make 0.1 a sensible temperature: the plain products of eq. 9 reach thousands, and the loss
        # becomes that of its largest pair.
        anchors, positives, negatives = (F.normalize(value, dim=-1) for value in (anchors, positives, negatives))
    complete = positive_valid.any(-1) & negative_valid.any(-1)

    def logits(others: Tensor, valid: Tensor) -> Tensor:
        similarity = (anchors.unsqueeze(-2) * others).sum(-1) / temperature
        # An anchor without candidates would give -inf and a NaN gradient; it is masked out below.
        return similarity.masked_fill(~(valid | ~complete.unsqueeze(-1)), -torch.inf)

    # The positives also stand in the denominator (eq. 9), so the loss has 0 as its lower bound.
    near, far = logits(positives, positive_valid), logits(negatives, negative_valid)
    loss = torch.logsumexp(torch.cat([near, far], dim=-1), dim=-1) - torch.logsumexp(near, dim=-1)
    # Not dropped: a fixed shape needs no wait for the device, and callers divide by the count of complete anchors.
    return torch.where(complete, loss, 0.0), complete


def cosine_affinity(first: Tensor, second: Tensor, epsilon: float = 1e-5) -> Tensor:
    """Cosine of two prototypes, mapped to [0, 1] (thesis eq. 5.13), (B,).

    Args:
        first: (B, C).
        second: (B, C); zero gives one half.
        epsilon: Added to the product of the lengths.

    Examples:
        >>> first, second = torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([[0.0, 2.0], [-2.0, 0.0]])
        >>> cosine_affinity(first, second).round(decimals=4)  # at a right angle, opposite
        tensor([0.5000, 0.0000])
    """
    first, second = at_least_float32(first), at_least_float32(second)
    # Epsilon is added to the product of the lengths and not to each, as released.
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

    Examples:
        >>> whole, other = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
        >>> [round(abs(term.item()), 3) for term in self_contrastive(whole, foreground=whole, background=other)]
        [0.0, 0.693]
    """
    # Early prototypes are nearly parallel: without epsilon the negative term would be the logarithm of 0.
    positive = -(cosine_affinity(whole, foreground, epsilon) + epsilon).log()
    negative = -(1 - cosine_affinity(whole, background, epsilon) + epsilon).log()
    return positive, negative
