"""Learn masks from boxes: projection, pairwise and temporal losses (box-trained XMem)."""

from collections.abc import Iterator

import torch
from torch import Tensor

from salseg.errors import ConfigError
from salseg.models.losses.base import SalLoss, mean_over_processes, reduce_maps
from salseg.ops.affinity import (
    PairTerms,
    detached_halves,
    match_terms,
    nearest_matches,
    pairwise_terms,
    patch_similarity,
    search_offsets,
)
from salseg.ops.boxes import READINGS, projection_distance
from salseg.ops.geometry import map_size
from salseg.registry import LOSSES
from salseg.structures import FrameTargets


@LOSSES.register_module()
class ProjectionLoss(SalLoss):
    """Projections of masks and boxes on both axes agree (BoxInst; box-trained XMem, thesis eq. 3.8 to 3.12).

    Args:
        form: 'thesis', squares in both parts of the dice, or 'released', BoxInst's dice.
        reading: How the frames and objects of a batch are put together, see `salseg.ops.boxes`.
        stride: The output is averaged over stride x stride pixels first.
        logits: Whether the output named by ``on`` is logits; the sigmoid is then taken here.
        weight, on, ramp_iterations: See `SalLoss`; reads (B, T, K, H, W).

    Raises:
        ConfigError: The form or the reading is unknown.
    """

    def __init__(
        self,
        form: str = 'thesis',
        reading: str = 'joint',
        stride: int = 4,
        logits: bool = False,
        weight: float = 1.0,
        on: str = 'probability',
        ramp_iterations: int = 0,
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        if form not in ('thesis', 'released') or reading not in READINGS:
            raise ConfigError(
                f"ProjectionLoss: form={form!r}, reading={reading!r}; expected 'thesis' or 'released', and one of "
                f'{", ".join(READINGS)}.'
            )
        self.form, self.reading, self.stride, self.logits = form, reading, stride, logits

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor] | None = None) -> Tensor:
        """Scalar in [0, 2]; slots without object and frames without box take no part."""
        output = reduce_maps(output, self.stride)
        boxes = targets.box_masks(map_size(output))
        probability = output.sigmoid() if self.logits else output
        # A frame without a box is not a frame without the object: nothing is known there.
        given = targets.require('box_valid').flatten()
        # Eq. 3.12 and its text disagree about how maps are put together; `reading` says how they are.
        maps = probability.flatten(0, 2), boxes.flatten(0, 2)
        return projection_distance(*maps, self.form == 'thesis', self.reading, given)


@LOSSES.register_module()
class PairwiseLoss(SalLoss):
    """Pixels inside the box agree with near ones of similar colour (BoxInst; box-trained XMem, thesis eq. 3.13 to 3.17).

    Args:
        normalizer: What the sum is divided by: 'size', all pixels of all objects and frames (thesis), 'pairs', the
            active pairs, or 'released', these and those with a dark pixel at the border.
        threshold, gamma, dilation: See `salseg.ops.pairwise_terms`.
        stride: Output and image are averaged over stride x stride pixels first.
        logits: Whether the output named by ``on`` is logits.
        weight, on, ramp_iterations: See `SalLoss`; reads (B, T, K, H, W).

    Raises:
        ConfigError: The normaliser is unknown, or the threshold is not in (0, 1].
    """

    def __init__(
        self,
        normalizer: str = 'size',
        threshold: float = 0.3,
        gamma: float = 2.0,
        dilation: int = 2,
        stride: int = 4,
        logits: bool = False,
        weight: float = 1.0,
        on: str = 'probability',
        ramp_iterations: int = 0,
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        if normalizer not in ('size', 'pairs', 'released') or not 0 < threshold <= 1:
            raise ConfigError(
                f"PairwiseLoss: normalizer={normalizer!r}, threshold={threshold}; expected 'size', 'pairs' or "
                "'released', and a threshold in (0, 1]."
            )
        self.normalizer, self.stride = normalizer, stride
        self.threshold, self.gamma, self.dilation, self.logits = threshold, gamma, dilation, logits

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor] | None = None) -> Tensor:
        """Scalar in nats."""
        output = reduce_maps(output, self.stride)
        boxes, lab = targets.box_masks(map_size(output)), targets.lab(self.stride)
        # Objects of one clip share its colours, so clips are taken one by one.
        clips = zip(output.transpose(1, 2), lab, boxes.transpose(1, 2))
        found = [self._terms(*clip) for clip in clips]
        # Sums first and one division at the end: a mean per clip would weigh pairs of small boxes more.
        terms = PairTerms(*(sum(part, part[0].new_zeros(())) for part in zip(*found)))
        if self.normalizer == 'size':
            # Eq. 3.16 divides by h w whatever the number of pairs, so small boxes cost less than by the released code's
            # mean.
            return terms.cost / output[0, 0, 0].numel() / targets.require('box_valid').sum().clamp(min=1)
        return mean_over_processes(terms.cost, terms.inside + (terms.outside if self.normalizer == 'released' else 0))

    def _terms(self, output: Tensor, lab: Tensor, boxes: Tensor) -> PairTerms:
        return pairwise_terms(
            output,
            lab,
            boxes,
            logits=self.logits,
            threshold=self.threshold,
            gamma=self.gamma,
            dilation=self.dilation,
        )


@LOSSES.register_module()
class TemporalLoss(SalLoss):
    """Pixels agree with the patches that look like theirs in another frame (MaskFreeVIS; box-trained XMem, eq. 3.18 to
    3.22).

    Args:
        form: 'thesis': each frame is compared with the next one, the last with the first; pixels in the box of their
            own frame, with all of each matched patch; mean over the frames. 'released': each frame is compared with
            earlier ones; pixels in a box of any frame, with the centre of each matched patch; a tenth of the sum over
            the pairs.
        pairs: Of the released form, 'all', every frame with every earlier one, or 'cyclic'.
        detach: Take the mean of two costs with the gradient of one side stopped (eq. 3.22): half the gradient.
        threshold: Similarity from which a patch is a match.
        gamma: Colour distance of similarity 1/e.
        nearest: Matches at most.
        stride: Output and images are averaged over stride x stride pixels first.
        logits: Whether the output named by ``on`` is logits.
        weight, on, ramp_iterations: See `SalLoss`; reads (B, T, K, H, W).

    Raises:
        ConfigError: The form or the pairs are unknown.
    """

    def __init__(
        self,
        form: str = 'thesis',
        pairs: str = 'all',
        detach: bool = False,
        threshold: float = 0.05,
        gamma: float = 2.0,
        nearest: int = 5,
        stride: int = 4,
        logits: bool = False,
        weight: float = 1.0,
        on: str = 'probability',
        ramp_iterations: int = 0,
    ) -> None:
        super().__init__(weight, on, ramp_iterations)
        if form not in ('thesis', 'released') or pairs not in ('all', 'cyclic'):
            raise ConfigError(
                f"TemporalLoss: form={form!r}, pairs={pairs!r}; expected 'thesis' or 'released', and 'all' or 'cyclic'."
            )
        self.form, self.pairs, self.detach = form, pairs, detach
        self.threshold, self.gamma, self.nearest = threshold, gamma, nearest
        self.stride, self.logits = stride, logits

    def frame_pairs(self, frames: int) -> Iterator[tuple[int, int]]:
        """(frame whose pixels are matched, frame that is searched)."""
        # The thesis closes the tube, last frame to first, which ties the ends of a clip together. Directions differ on
        # purpose: there the pixel's frame comes before the one that is searched, in the released code behind it.
        if self.form == 'thesis':
            yield from ((t, (t + 1) % frames) for t in range(frames))
        elif self.pairs == 'cyclic':
            yield from (((t + 1) % frames, t) for t in range(frames))
        else:
            yield from ((b, a) for a in range(frames) for b in range(a + 1, frames))

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor] | None = None) -> Tensor:
        """Scalar in nats; a clip of one frame gives 0."""
        output = reduce_maps(output, self.stride)
        # Colours of the image as it was, not normalised: the thresholds are distances in Lab.
        boxes, lab = targets.box_masks(map_size(output)), targets.lab(self.stride)
        pairs = list(self.frame_pairs(output.shape[1])) if output.shape[1] > 1 else []
        if not pairs:
            # Zero that still hangs on the output: without a gradient, distributed training would wait for one.
            return output.sum() * 0
        total = sum((self._pair(output, lab, boxes, *pair) for pair in pairs), output.new_zeros(()))
        # Eq. 3.18 is a mean over the tube; MaskFreeVIS sums over its pairs and weighs the sum with a tenth.
        return total / len(pairs) if self.form == 'thesis' else 0.1 * total

    def _pair(self, output: Tensor, lab: Tensor, boxes: Tensor, here: int, there: int) -> Tensor:
        thesis, offsets = self.form == 'thesis', search_offsets()
        # Matches come from colours alone, so they are constants; and the same for all objects, made once per clip.
        with torch.no_grad():
            similarity = patch_similarity(lab[:, here], lab[:, there], offsets, self.gamma)
            matches = nearest_matches(similarity, offsets, self.nearest, self.threshold, inside_only=thesis)
        matches = matches.repeat_interleave(output.shape[2], 0)
        # The released code lets a pixel in that lies in the object's box of any frame, for objects that move on.
        region = (boxes[:, here] if thesis else boxes.any(1)).flatten(0, 1)
        first, second = output[:, here].flatten(0, 1), output[:, there].flatten(0, 1)

        options = dict(logits=self.logits, patch=thesis, count_outside=not thesis)
        terms = match_terms(first, second, matches, offsets, region, **options)
        # Per pair of frames: a pair with few matches would otherwise hardly count, and fast motion has few.
        cost = terms.cost / terms.number.clamp(min=1)
        return detached_halves(cost) if self.detach else cost
