"""What every loss shares: which outputs it reads, its weight and ramp, float32."""

from collections.abc import Mapping

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from salseg.errors import ConfigError, MissingOutput
from salseg.ops import resize
from salseg.ops.geometry import map_size
from salseg.ops.precision import full_precision
from salseg.structures import FrameTargets

Terms = Tensor | dict[str, Tensor]


class SalLoss(nn.Module):
    """A loss over named outputs of a model and the batch's targets.

    Subclasses implement `compute` for one output. ``requires`` names outputs that are read besides those of ``on``;
    they are handed to ``compute`` as its third argument, which is empty without any.

    Args:
        weight: Factor on every term. With 0 the loss is not computed at all.
        on: The output to read, or several with a factor each: ``{'logits': 1.0, 'logits_3': 0.8}``.
        ramp_iterations: The weight grows linearly from 0 over this many training steps; 0 means at once.

    Raises:
        ConfigError: A weight is negative, or ``on`` is empty.
    """

    requires: tuple[str, ...] = ()

    def __init__(self, weight: float = 1.0, on: str | Mapping[str, float] = 'logits', ramp_iterations: int = 0) -> None:
        super().__init__()
        self.on = {on: 1.0} if isinstance(on, str) else dict(on)
        if weight < 0 or ramp_iterations < 0 or not self.on or min(self.on.values()) < 0:
            raise ConfigError(
                f'{type(self).__name__}: weight={weight}, on={self.on}, ramp_iterations={ramp_iterations}; weights and '
                'ramps are >= 0 and on names at least one output. Switch a loss off with losses=dict(name=None).'
            )
        self.weight = weight
        self.ramp_iterations = ramp_iterations

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of all outputs that the loss reads."""
        return tuple(dict.fromkeys((*self.on, *self.requires)))

    def factor(self, iteration: int) -> float:
        """Weight at a training step."""
        if self.ramp_iterations == 0:
            return self.weight
        return self.weight * min(1.0, iteration / self.ramp_iterations)

    def forward(self, outputs: Mapping[str, Tensor], targets: FrameTargets) -> Terms:
        """Weighted terms in float32 (float64 stays), whatever the autocast.

        Args:
            outputs: The model's outputs by name, (B, T, K, h, w) each unless the contract says otherwise.
            targets: The batch's targets, with the same T.

        Returns:
            A scalar, or scalars by term.

        Raises:
            MissingOutput: An output that the loss reads is not there.
        """
        # Wiring was checked at construction, but a project's outputs may depend on the batch.
        missing = [name for name in self.reads if name not in outputs]
        if missing:
            raise MissingOutput(
                f'{type(self).__name__} reads {missing[0]!r}, the model gave {sorted(outputs)}: change on= or add the part '
                'that provides it.'
            )
        # From the training step and not from a count of calls: a resumed run continues the ramp, and extra calls do not
        # advance it.
        factor = self.factor(targets.iteration)
        # Sums over a million pixels, logarithms and differences of near values do not survive half precision.
        with full_precision(next(iter(outputs.values()))):
            read = {name: _full(outputs[name]) for name in self.reads}
            terms = self.compute_all(read, targets)
        if isinstance(terms, Tensor):
            return factor * terms
        return {name: factor * term for name, term in terms.items()}

    def compute_all(self, outputs: dict[str, Tensor], targets: FrameTargets) -> Terms:
        """All outputs of ``on``, each times its factor; a loss that can share work between them overrides this."""
        others = {name: outputs[name] for name in self.requires}
        terms: dict[str, Tensor] = {}
        for name, share in self.on.items():
            value = self.compute(outputs[name], targets, others)
            for term, part in value.items() if isinstance(value, dict) else [('', value)]:
                terms[term_name(name if len(self.on) > 1 else '', term)] = share * part
        return terms[''] if list(terms) == [''] else terms

    def compute(self, output: Tensor, targets: FrameTargets, others: dict[str, Tensor]) -> Terms:
        """The unweighted loss of one output."""
        raise TypeError(f'{type(self).__name__} must define compute or compute_all')


def term_name(*parts: str) -> str:
    """Join the parts of a term's name that are not empty."""
    return '_'.join(part for part in parts if part)


def with_full_truth(logits: Tensor, targets: FrameTargets) -> tuple[Tensor, Tensor]:
    """Logits (B, T, K, h, w) and what they should become: soft truth of a map, the masks of several objects.

    Smaller logits are resized to the labels; unknown pixels of hard labels count as background.

    Returns:
        Logits and truth in [0, 1], both (B, T, K, H, W) and of one type.
    """
    # A single map may have soft truth (pseudo-labels); objects exclude each other and are hard.
    truth = targets.soft_mask() if targets.num_objects == 1 else targets.masks()
    # The logits go to the labels' size, not the other way round: labels made smaller lose thin parts, which could then
    # never be learnt.
    logits = resize(logits, map_size(truth))
    return logits, truth.to(logits.dtype).expand_as(logits)


def reduce_maps(maps: Tensor, stride: int) -> Tensor:
    """(B, T, K, H, W) averaged over stride x stride pixels."""
    # An average keeps the mass of a thin object where taking every fourth pixel may miss it.
    return maps if stride == 1 else F.avg_pool2d(maps.flatten(0, 1), stride).unflatten(0, maps.shape[:2])


def mean_over_processes(total: Tensor, count: Tensor) -> Tensor:
    """``total / count`` where both are sums over the batch of all processes.

    Processes hold different numbers of labelled pixels, so averaging the processes' means would weigh pixels unequally.
    The count is summed over processes; the total is scaled so that averaging gradients over processes, as distributed
    training does, gives the gradient of one process with the whole batch. Without pixels the result is 0.

    Args:
        total: Scalar with gradient, the sum over this process.
        count: Scalar, what this process adds to the divisor.
    """
    count = count.to(total.dtype)
    if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
        count = count.clone()
        dist.all_reduce(count)
        count = count / dist.get_world_size()
        # With world size W the smallest divisor that stands for one pixel is 1 / W.
        return total / count.clamp(min=1 / dist.get_world_size())
    return total / count.clamp(min=1)


def _full(value: Tensor) -> Tensor:
    return value.float() if value.dtype in (torch.float16, torch.bfloat16) else value
