"""Cross-level co-attention of the contrastive network: fused against the written-out affinity.

    python benchmarks/speed/co_attention.py [--quick]

One frame of 448x448 at stride 8 (3,136 positions of 256 channels), and one of 473x473 (3,600). Values and gradients are
compared with softmax(Q W K^T) K: equal to 1e-4 of the largest value, a quarter of the memory or less, forward alone and
with gradients. Exits with 1 if a bar is missed; `--quick` has few positions and rounds.
"""

import argparse
import sys
from collections.abc import Callable

import torch
from measure import HEADER, Case, best_times, peak_bytes, use_one_thread
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


def error(first: tuple[Tensor, ...], second: tuple[Tensor, ...]) -> float:
    """Largest difference, each tensor by its largest value."""
    return max(((a - b).abs().max() / a.abs().max()).item() for a, b in zip(first, second))


def case(name: str, positions: int, gradients: bool, rounds: int) -> Case:
    """Equality first, then time and memory."""
    tensors = sample(positions)
    forms = dict(plain=plain, ours=co_attention)
    if gradients:
        calls = {kind: (lambda f=f: with_gradients(f, tensors)) for kind, f in forms.items()}
    else:
        calls = {kind: (lambda f=f: (f(*tensors),)) for kind, f in forms.items()}
    difference = error(calls['plain'](), calls['ours']())
    times = best_times(calls, rounds)
    memory = [peak_bytes(call) for call in calls.values()]
    return Case(name, times['plain'], times['ours'], *memory, difference)


def main() -> int:
    """Print the table; 0 if all bars hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--quick', action='store_true', help='few positions and rounds')
    parser.add_argument('--json', action='store_true', help='a line of JSON for each case instead of a table')
    arguments = parser.parse_args()
    use_one_thread()
    if not arguments.json:
        print(HEADER)
    sides, rounds = ((20, 28), 1) if arguments.quick else ((56, 60), 3)
    checks = {}
    for side in sides:
        for gradients in (False, True):
            found = case(f'{side * side}{" f+b" if gradients else ""}', side * side, gradients, rounds)
            print(found.json() if arguments.json else found.line(), flush=True)
            checks[f'{found.name}: equal to {TOLERANCE:g}'] = found.error <= TOLERANCE
            # The affinity of a few hundred positions is no larger than the features.
            checks[f'{found.name}: {LESS_MEMORY:g}x less memory'] = arguments.quick or found.memory_ratio >= LESS_MEMORY
    failures = [what for what, fine in checks.items() if not fine]
    for failure in failures:
        print(f'not {failure}', file=sys.stderr)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
