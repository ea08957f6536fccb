"""Pairwise and temporal loss, forward and backward, against the form with all neighbours and patches written out.

    python benchmarks/speed/box_losses.py [--quick]

Values and gradients are compared first, in float64: in float32 rounding decides which of two equal colours is the nearer.
Cases are objects x frames x side, the losses those of the thesis. Exits with 1 if they differ by more than 1e-9 of their
largest magnitude, or if ours takes more than half the time or a quarter of the memory; `--quick` uses small maps and checks
no bar.
"""

import sys
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from measure import Case, begin, compared, largest_difference
from torch import Tensor

from salseg.models.losses import PairwiseLoss, TemporalLoss

FASTER, LESS, TOLERANCE = 2.0, 4.0, 1e-9
CASES = ((3, 7, 96, 5), (1, 7, 384, 2))
GAMMA, PAIR, MATCH, NEAREST = 2.0, 0.3, 0.05, 5


class Sample:
    """Boxes and colours of one clip, and probabilities; stands in for the targets of a batch of one."""

    def __init__(self, objects: int, frames: int, side: int, dtype: torch.dtype = torch.float32) -> None:
        generator = torch.Generator().manual_seed(side)

        def smooth(*shape: int, cells: int) -> Tensor:
            coarse = torch.rand((*shape, cells, cells), generator=generator)
            return F.interpolate(coarse, size=(side, side), mode='bilinear').to(dtype)

        self.colours = 40 * smooth(frames, 3, cells=12) + torch.rand((frames, 3, side, side), generator=generator) * 2
        self.output = smooth(frames, objects, cells=8)[None] * 0.98 + 0.01
        self.boxes = torch.zeros(1, frames, objects, side, side, dtype=torch.bool)
        self.boxes[..., side // 5 : -side // 5, side // 4 : -side // 6] = True

    def lab(self, stride: int) -> Tensor:
        """(1, T, 3, h, w)."""
        return self.colours[None]

    def box_masks(self, size: tuple[int, int]) -> Tensor:
        """(1, T, K, h, w)."""
        return self.boxes

    def require(self, name: str) -> Tensor:
        """Which boxes are valid: all."""
        return self.boxes.flatten(3).any(-1)


def unfolded(maps: Tensor, radius: int, step: int = 1) -> Tensor:
    """(N, C, h, w) to (N, C, window, h, w), zeros outside."""
    side = 2 * radius + 1
    found = F.unfold(maps, side, dilation=step, padding=radius * step)
    return found.unflatten(1, (maps.shape[1], side * side)).unflatten(-1, maps.shape[-2:])


def cost(first: Tensor, second: Tensor) -> Tensor:
    """Negative logarithm of the probability that two pixels agree."""
    return -torch.log((first * second + (1 - first) * (1 - second)).clamp(min=1e-12))


def plain_pairwise(sample: Sample, output: Tensor) -> Tensor:
    """Eight neighbours of every pixel, written out (BoxInst); divided by all pixels (thesis, eq. 3.16)."""
    lab, maps = sample.colours, output[0].transpose(0, 1).flatten(0, 1).unsqueeze(1)
    frames, objects = output.shape[1:3]
    others = [n for n in range(9) if n != 4]
    near, inside = unfolded(lab, 1, 2)[:, :, others], unfolded(torch.ones_like(lab[:, :1]), 1, 2)[:, 0, others]
    alike = (torch.exp(-(lab.unsqueeze(2) - near).norm(dim=1) / GAMMA) >= PAIR) * inside
    weight = alike.repeat(objects, 1, 1, 1) * sample.boxes[0].transpose(0, 1).flatten(0, 1).unsqueeze(1)
    return (cost(maps, unfolded(maps, 1, 2)[:, 0, others]) * weight).sum() / maps[0].numel() / (frames * objects)


def plain_temporal(sample: Sample, output: Tensor) -> Tensor:
    """Patches of 27 numbers at nine places, the nearest five, and all nine pixels of each (thesis, eq. 3.18)."""
    lab, frames, total = sample.colours, output.shape[1], 0.0
    patches = unfolded(lab, 1).flatten(1, 2)
    ones = torch.ones_like(lab[:1, :1])
    inside = unfolded(ones, 1, 3)[:, 0]
    # Taps of the nine patches in the 9 x 9 window, patch by patch.
    taps = [(3 * i + a) * 9 + 3 * j + b for i in range(3) for j in range(3) for a in range(3) for b in range(3)]
    for t in range(frames):
        n = (t + 1) % frames
        distance = (patches[t, :, None] - unfolded(patches[n : n + 1], 1, 3)[0]).norm(dim=0)
        top, index = (torch.exp(-distance / GAMMA)[None] * inside).topk(NEAREST, 1)
        match = torch.zeros_like(inside, dtype=torch.bool).scatter_(1, index, top >= MATCH)
        weight = match.repeat_interleave(9, 1) * unfolded(ones, 4)[:, 0, taps] * sample.boxes[0, t].unsqueeze(1)
        found = unfolded(output[0, n].unsqueeze(1), 4)[:, 0, taps]
        total = total + (cost(output[0, t].unsqueeze(1), found) * weight).sum() / weight.sum().clamp(min=1)
    return total / frames


def run(objects: int, frames: int, side: int, rounds: int) -> Case:
    """Compare, time and weigh one size."""
    losses = PairwiseLoss(stride=1), TemporalLoss(stride=1)

    def plain(sample: Sample, output: Tensor) -> Tensor:
        return plain_pairwise(sample, output) + plain_temporal(sample, output)

    def ours(sample: Sample, output: Tensor) -> Tensor:
        return sum(loss.compute(output, sample) for loss in losses)

    def call(form: Callable[[Sample, Tensor], Tensor], sample: Sample) -> tuple[Tensor, Tensor]:
        output = sample.output.clone().requires_grad_()
        value = form(sample, output)
        return value.detach(), *torch.autograd.grad(value, output)

    exact = Sample(objects, frames, min(side, 96), torch.float64)
    error = largest_difference(call(plain, exact), call(ours, exact))
    sample = Sample(objects, frames, side)
    name = f'{objects}x{frames}x{side}'
    return compared(name, lambda: call(plain, sample), lambda: call(ours, sample), rounds, error)


def main(given: Sequence[str] | None = None) -> int:
    """Print the table; 0 if all bars hold."""
    quick, report = begin(__doc__, 'small maps, one round, no bars', given)
    for objects, frames, side, rounds in ((2, 3, 24, 1),) if quick else CASES:
        case = run(objects, frames, side, rounds)
        bars = {
            f'equal to {TOLERANCE:g}': case.error <= TOLERANCE,
            f'{FASTER:g}x faster': quick or case.speedup >= FASTER,
            f'{LESS:g}x less memory': quick or case.memory_ratio >= LESS,
        }
        report.add(case, bars)
    return report.status()


if __name__ == '__main__':
    sys.exit(main())
