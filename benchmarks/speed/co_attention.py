"""Cross-level co-attention of the contrastive network: fused against the written-out affinity.

    python benchmarks/speed/co_attention.py [--quick]

One frame of 448x448 at stride 8 (3,136 positions of 256 channels), and one of 473x473 (3,600). Values and gradients are
compared with softmax(Q W K^T) K: equal to 1e-4 of the largest value, a quarter of the memory or less, forward alone and
with gradients. Exits with 1 if a bar is missed; `--quick` has few positions and rounds.
"""

import sys
from collections.abc import Callable, Sequence

import torch
from measure import Case, begin, compared, largest_difference
from torch import Tensor

from salseg.ops import co_attention

CHANNELS = 256
TOLERANCE, LESS_MEMORY = 1e-4, 4.0

Attention = Callable[[Tensor, Tensor, Tensor], Tensor]


def plain(query: Tensor, source: Tensor, bilinear: Tensor) -> Tensor:
    """The equation as it stands."""
    return (query @ bilinear @ source.transpose(1, 2)).softmax(-1) @ source


def sample(positions: int) -> tuple[Tensor, Tensor, Tensor]:
    """Query, source, and a form that keeps logits near 1."""
    generator = torch.Generator().manual_seed(positions)
    query, source = (torch.randn(1, positions, CHANNELS, generator=generator) for _ in range(2))
    return query, source, torch.randn(CHANNELS, CHANNELS, generator=generator) / CHANNELS


def with_gradients(attention: Attention, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Result and gradients of one training step of this layer."""
    leaves = [value.detach().requires_grad_() for value in tensors]
    result = attention(*leaves)
    return (result.detach(), *torch.autograd.grad(result.square().sum(), leaves))


def run(positions: int, gradients: bool, rounds: int) -> Case:
    """Equality first, then time and memory."""
    tensors = sample(positions)
    forms = dict(plain=plain, ours=co_attention)
    if gradients:
        calls = {kind: (lambda f=f: with_gradients(f, tensors)) for kind, f in forms.items()}
    else:
        calls = {kind: (lambda f=f: (f(*tensors),)) for kind, f in forms.items()}
    name = f'{positions}{" f+b" if gradients else ""}'
    return compared(name, **calls, rounds=rounds, error=largest_difference(calls['plain'](), calls['ours']()))


def main(given: Sequence[str] | None = None) -> int:
    """Print the table; 0 if all bars hold."""
    quick, report = begin(__doc__, 'few positions and rounds', given)
    sides, rounds = ((20, 28), 1) if quick else ((56, 60), 3)
    for side in sides:
        for gradients in (False, True):
            case = run(side * side, gradients, rounds)
            bars = {
                f'equal to {TOLERANCE:g}': case.error <= TOLERANCE,
                # The affinity of a few hundred positions is no larger than the features.
                f'{LESS_MEMORY:g}x less memory': quick or case.memory_ratio >= LESS_MEMORY,
            }
            report.add(case, bars)
    return report.status()


if __name__ == '__main__':
    sys.exit(main())
