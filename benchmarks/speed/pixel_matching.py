"""NLPMM: fused attention against the published matrices, forward, and forward with backward.

    python benchmarks/speed/pixel_matching.py [--quick]

Values and gradients are compared first. Exits with 1 if they differ by more than 1e-4 of their largest magnitude, or if
the forward pass at 480x864 takes more than an eighth of the memory (at small sizes the result itself is what counts);
times are printed.
"""

import sys
from collections.abc import Callable, Sequence

import torch
from measure import Case, begin, compared, largest_difference
from torch import Tensor

from salseg.ops import pixel_matching

CHANNELS, TOLERANCE, LESS_MEMORY = 256, 1e-4, 8.0
# Height and width of the frame, rounds.
CASES = ((256, 432, 12), (480, 864, 5))


def plain(reference: Tensor, target: Tensor) -> Tensor:
    """Similarity, softmax over the reference and weighted sum, all three written out (thesis, eq. 3.1 to 3.3)."""
    flat = reference.flatten(2)
    similarity = flat.transpose(1, 2) @ target.flatten(2)
    return (flat @ torch.softmax(similarity, 1)).unflatten(2, target.shape[-2:])


def sample(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Two reduced maps at stride 16 whose softmax is not saturated, channels last as NLPMM's convolutions give them."""
    generator = torch.Generator().manual_seed(height)
    shape = (1, CHANNELS, height // 16, width // 16)
    maps = [torch.randn(shape, generator=generator) / 4 for _ in range(2)]
    return tuple(x.contiguous(memory_format=torch.channels_last).requires_grad_() for x in maps)


def run(height: int, width: int, rounds: int, backward: bool) -> Case:
    """Compare, time and weigh one size."""
    maps = sample(height, width)

    def call(form: Callable[[Tensor, Tensor], Tensor]) -> tuple[Tensor, ...]:
        if not backward:
            with torch.no_grad():
                return (form(*maps),)
        value = form(*maps)
        return (value.detach(), *torch.autograd.grad(value.square().sum(), maps))

    error = largest_difference(call(plain), call(pixel_matching))
    name = f'{height}x{width}{"+b" if backward else ""}'
    return compared(name, lambda: call(plain), lambda: call(pixel_matching), rounds, error)


def main(given: Sequence[str] | None = None) -> int:
    """Print the table; 0 if all bars hold."""
    quick, report = begin(__doc__, 'the smaller case, one round', given)
    for height, width, rounds in CASES[:1] if quick else CASES:
        for backward in (False, True):
            case = run(height, width, 1 if quick else rounds, backward)
            bars = {f'equal to {TOLERANCE:g}': case.error <= TOLERANCE}
            if not backward and height == 480:
                bars[f'{LESS_MEMORY:g}x less memory'] = case.memory_ratio >= LESS_MEMORY
            report.add(case, bars)
    return report.status()


if __name__ == '__main__':
    sys.exit(main())
