"""Near pixels of like colour belong together."""

from torch import Tensor

from salseg.errors import ConfigError
from salseg.models.losses.base import SalLoss, mean_over_processes, reduce_maps
from salseg.ops.pairwise_affinity import PairTerms, pairwise_terms
from salseg.registry import LOSSES
from salseg.structures import FrameTargets


@LOSSES.register_module()
class PairwiseLoss(SalLoss):
    """Pixels inside the box agree with near ones of like colour (BoxInst; box-trained XMem, thesis eq. 3.13 to 3.17).

    Args:
        normalizer: What the sum is divided by: 'size', all pixels of all objects and frames (thesis), 'pairs', the
            active pairs, or 'released', these and those with a dark pixel at the border.
        threshold, gamma, dilation: See :func:`salseg.ops.pairwise_terms`.
        stride: Output and image are averaged over stride x stride pixels first.
        logits: Whether the output named by ``on`` is logits.
        weight, on, ramp_iterations: See :class:`SalLoss`; reads (B, T, K, H, W).

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
        self.options = dict(threshold=threshold, gamma=gamma, dilation=dilation, logits=logits)

    def compute(self, output: Tensor, targets: FrameTargets) -> Tensor:
        """Scalar in nats."""
        output = reduce_maps(output, self.stride)
        boxes, lab = targets.box_masks(tuple(output.shape[-2:])), targets.lab(self.stride)
        # Objects of one clip share its colours, so clips are taken one by one.
        clips = zip(output.transpose(1, 2), lab, boxes.transpose(1, 2))
        terms = PairTerms(*map(sum, zip(*(pairwise_terms(o, c, b, **self.options) for o, c, b in clips))))
        if self.normalizer == 'size':
            return terms.cost / output[0, 0, 0].numel() / targets.require('box_valid').sum().clamp(min=1)
        return mean_over_processes(terms.cost, terms.inside + (terms.outside if self.normalizer == 'released' else 0))
