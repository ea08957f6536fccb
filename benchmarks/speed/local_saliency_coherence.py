"""Local saliency coherence, forward and backward: salseg's shifted form against the published, unfolded one.

    python benchmarks/speed/local_saliency_coherence.py [--quick]

Values and gradients are compared first. Exits with 1 if they differ by more than 1e-5, if the unfolded form does not
need the memory it is known to need, or if a bar is missed; `--quick` has few rounds and checks no time.
"""

import sys
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from measure import Case, begin, compared, largest_difference
from torch import Tensor

from salseg.ops import CoherenceKernel, local_saliency_coherence

RADIUS, KERNEL = 5, CoherenceKernel(weight=1.0, sigma_position=6.0, sigma_image=0.1)
TOLERANCE = 1e-5
# Batch, times faster, rounds of timing, and megabytes that the unfolded form is known to take, within a fifth.
CASES = ((1, 2.0, 60, 45.0), (8, 12.0, 20, 356.0))
LESS_MEMORY = 40.0


def unfolded(saliency: Tensor, image: Tensor) -> Tensor:
    """The published form: all windows of position, colour and saliency are written out (Gated CRF loss; SCWSSOD).

    Args:
        saliency: (N, 1, h, w).
        image: (N, 3, h, w).
    """
    batch, _, height, width = saliency.shape
    side = 2 * RADIUS + 1

    def windows(maps: Tensor) -> Tensor:
        return F.unfold(maps, side, padding=RADIUS).view(batch, -1, side * side, height, width)

    ys, xs = torch.meshgrid(*(torch.arange(n, dtype=image.dtype) for n in (height, width)), indexing='ij')
    position = torch.stack([xs, ys]).expand(batch, 2, height, width)
    guide = torch.cat([position / KERNEL.sigma_position, image / KERNEL.sigma_image], dim=1)
    pairs = windows(guide)
    pairs = pairs - guide.unsqueeze(2)
    weight = KERNEL.weight * (-0.5 * pairs**2).sum(1, keepdim=True).exp()
    difference = (saliency.unsqueeze(2) - windows(saliency)).abs()
    return (weight * difference).sum(2).mean()


def shifted(saliency: Tensor, image: Tensor) -> Tensor:
    """Ours."""
    return local_saliency_coherence(saliency, image, (KERNEL,), RADIUS).mean()


def sample(batch: int, size: int = 80) -> tuple[Tensor, Tensor]:
    """Smooth saliency in [0, 1] and a smooth, normalised image."""
    generator = torch.Generator().manual_seed(batch)
    saliency = torch.rand(batch, 1, size // 4, size // 4, generator=generator)
    image = 4 * torch.rand(batch, 3, size // 8, size // 8, generator=generator) - 2
    saliency, image = (
        F.interpolate(t, size=(size, size), mode='bilinear', align_corners=True) for t in (saliency, image)
    )
    return saliency.requires_grad_(), image


def difference(saliency: Tensor, image: Tensor) -> float:
    """Largest difference of value and gradient, relative to the largest magnitude of each."""
    results = []
    for form in (unfolded, shifted):
        value = form(saliency, image)
        (gradient,) = torch.autograd.grad(value, saliency)
        results.append((value.detach(), gradient))
    return largest_difference(*results)


def run(batch: int, rounds: int) -> Case:
    """Compare, time and weigh one batch size."""
    saliency, image = sample(batch)

    def plain() -> tuple[Tensor, ...]:
        return torch.autograd.grad(unfolded(saliency, image), saliency)

    def ours() -> tuple[Tensor, ...]:
        return torch.autograd.grad(shifted(saliency, image), saliency)

    return compared(f'{batch}x80x80', plain, ours, rounds, difference(saliency, image))


def main(given: Sequence[str] | None = None) -> int:
    """Print the table; 0 if all bars hold."""
    quick, report = begin(__doc__, 'few rounds, no bar on time', given)
    for batch, speedup, rounds, megabytes in CASES:
        case = run(batch, 2 if quick else rounds)
        bars = {
            f'equal to {TOLERANCE:g}': case.error <= TOLERANCE,
            f'the {megabytes:g} MB of the unfolded form, within a fifth': (
                abs(case.plain_bytes / 1e6 / megabytes - 1) <= 0.2
            ),
            f'{LESS_MEMORY:g}x less memory': case.memory_ratio >= LESS_MEMORY,
            f'{speedup:g}x faster': quick or case.speedup >= speedup,
        }
        report.add(case, bars)
    return report.status()


if __name__ == '__main__':
    sys.exit(main())
