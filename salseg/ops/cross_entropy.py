"""Cross-entropies: bootstrapped, of whole frames, and of the labelled pixels only."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.ops.precision import at_least_float32


def bootstrap_fraction(iteration: int, start: int, end: int, fraction: float) -> float:
    """Fraction of the pixels that count: all before ``start``, then falling linearly, ``fraction`` after ``end`` (XMem).

    Args:
        iteration: Training step, from 0.
        start, end: Steps between which it falls, both included.
        fraction: In (0, 1], at the end.

    Examples:
        >>> [bootstrap_fraction(step, start=20, end=70, fraction=0.15) for step in (0, 20, 45, 71)]
        [1.0, 1.0, 0.575, 0.15]
    """
    if iteration < start:
        return 1.0
    if iteration > end:
        return fraction
    # Slowly, since the hardest pixels of an untrained network are those of its noise.
    return fraction + (1 - fraction) * ((end - iteration) / (end - start))


def bootstrapped_cross_entropy(logits: Tensor, classes: Tensor, fraction: float) -> Tensor:
    """Mean of each sample's largest pixel losses.

    Args:
        logits: (N, K, H, W), real.
        classes: (N, H, W) int64, 0..K-1.
        fraction: Of the pixels that count, rounded down; 1 for all.

    Returns:
        (N,) float32 in nats.

    Examples:
        >>> logits = torch.tensor([[[[2.0, 0.0]], [[0.0, 0.0]]]])  # one sample, two classes, 1 x 2 pixels
        >>> classes = torch.tensor([[[0, 1]]])
        >>> bootstrapped_cross_entropy(logits, classes, fraction=0.5)  # of the worse pixel only: ln 2
        tensor([0.6931])
    """
    loss = F.cross_entropy(at_least_float32(logits), classes, reduction='none').flatten(1)
    # No sort for the many steps before the cut begins.
    if fraction == 1:
        return loss.mean(1)
    # Rounded down, as released. The gradient goes to the chosen pixels only: they are the outlines, and what is rare.
    return torch.topk(loss, int(loss.shape[1] * fraction), dim=1, sorted=False).values.mean(1)


def frame_cross_entropy(logits: Tensor, truth: Tensor, known: Tensor | None = None) -> Tensor:
    """Binary cross-entropy averaged over the known pixels of each frame.

    Args:
        logits: (..., h, w), real.
        truth: Same shape, in [0, 1]; soft truth is not rounded.
        known: Same shape, bool; None where all pixels count.

    Returns:
        (...), in nats; 0 for a frame without known pixels.

    Examples:
        >>> logits, truth = torch.zeros(2, 1, 4, 4), torch.ones(2, 1, 4, 4)
        >>> frame_cross_entropy(logits, truth)  # ln 2 for each frame
        tensor([[0.6931],
                [0.6931]])
    """
    logits = at_least_float32(logits)
    loss = F.binary_cross_entropy_with_logits(logits, truth.to(logits.dtype), reduction='none')
    if known is None:
        return loss.mean((-2, -1))
    # A product and no selection: shapes stay fixed, and a frame without labels gives 0 and not 0 / 0.
    return (loss * known).sum((-2, -1)) / known.sum((-2, -1)).clamp(min=1)


def partial_cross_entropy(
    logits: Tensor, masks: Tensor, known: Tensor, form: Literal['paper', 'released'] = 'paper'
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the labelled foreground and of the labelled background.

    Each class is averaged over its own pixels of the whole batch, so that one short scribble on the object weighs as
    much as long scribbles around it (SCWSSOD, thesis eq. 4.7). A class without pixels gives 0 and no gradient.

    Args:
        logits: (..., h, w), real.
        masks: Broadcastable to the logits, bool, True on the object.
        known: Broadcastable to the logits, bool, True where a label was given.
        form: See `partial_cross_entropy_sums`.

    Returns:
        Foreground and background term, scalars, in nats.

    Examples:
        >>> logits = torch.tensor([[0.0, 2.0, 5.0]])
        >>> masks, known = torch.tensor([[True, False, False]]), torch.tensor([[True, True, False]])
        >>> [round(term.item(), 4) for term in partial_cross_entropy(logits, masks, known)]
        [0.6931, 2.1269]
    """
    foreground, on, background, off = partial_cross_entropy_sums(logits, masks, known, form)
    # A batch may lack a class; the released code's mean over nothing is NaN and ends the training.
    return foreground / on.clamp(min=1), background / off.clamp(min=1)


def partial_cross_entropy_sums(
    logits: Tensor, masks: Tensor, known: Tensor, form: Literal['paper', 'released'] = 'paper'
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The same as sums with their pixel counts, for a caller that adds both over processes before dividing.

    Args:
        logits: (..., h, w), real.
        masks: Broadcastable to the logits, bool, True on the object.
        known: Broadcastable to the logits, bool, True where a label was given.
        form: 'paper' is binary cross-entropy. 'released' is what SCWSSOD's published code computes: the softmax
            cross-entropy of the two *probabilities* (1 - p, p), between 0.3133 and 1.3133 for each pixel.

    Returns:
        Foreground sum and count, background sum and count: sums float32 (float64 for float64 logits), counts int64.

    Raises:
        ValueError: The form is neither of the two.

    Examples:
        >>> logits, masks = torch.zeros(4, 4), torch.eye(4, dtype=torch.bool)
        >>> known = torch.ones(4, 4, dtype=torch.bool)
        >>> [round(value.item(), 4) for value in partial_cross_entropy_sums(logits, masks, known)]
        [2.7726, 4, 8.3178, 12]
    """
    logits = at_least_float32(logits)
    if form == 'paper':
        evidence = logits
    elif form == 'released':
        evidence = torch.tanh(logits / 2)  # 2 p - 1, without the cancellation
    else:
        raise ValueError(f"form is {form!r}; partial cross-entropy has the forms 'paper' and 'released'.")
    # -log sigmoid(x) = softplus(-x): no probability in between that could round to 0.
    loss = F.softplus(torch.where(masks, -evidence, evidence))
    on = (known & masks).expand_as(loss)
    off = (known & ~masks).expand_as(loss)
    # Not loss[on].sum(): boolean indexing waits for the device.
    return (loss * on).sum(), on.sum(), (loss * off).sum(), off.sum()
