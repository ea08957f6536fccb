"""A group's prototype should be that of its object and not that of its background (DCFM, thesis section 5.2.3)."""

from torch import Tensor

from salseg.ops.precision import at_least_float32


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
