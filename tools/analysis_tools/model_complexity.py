"""Parameters, multiply-adds, throughput and peak memory of a model.

    python tools/analysis_tools/model_complexity.py scwssod-lite --size 320 320 [--frames 1] [--device cuda:0]

Operations are counted as they run, by torch's own counter, matrix products inside fused attention included; one
multiply-add is two operations. Elementwise work, normalisation and pooling are not counted.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import prod

import torch
from torch import nn
from torch.autograd.profiler import profile
from torch.utils.flop_counter import FlopCounterMode

from salseg.apis import init_model
from salseg.errors import ConfigError, SalsegError
from salseg.structures import FrameInputs

# Kernels of attention that `scaled_dot_product_attention` may end in, by device and release. Torch's counter knows those
# of CUDA and left the one of the CPU to be decomposed into products, which releases from 2.14 on do not do any more.
FUSED_ATTENTION = (
    '_scaled_dot_product_flash_attention_for_cpu',
    '_scaled_dot_product_flash_attention',
    '_scaled_dot_product_efficient_attention',
    '_scaled_dot_product_cudnn_attention',
    '_scaled_dot_product_fused_attention_overrideable',
    '_scaled_dot_product_attention_math_for_mps',
)


@dataclass(frozen=True)
class Complexity:
    """What a model costs at one size.

    Attributes:
        parameters: All of them.
        trained: Those with a gradient.
        multiply_adds: Of one forward pass.
        by_part: Multiply-adds by direct child.
        milliseconds: Median time of a pass.
        peak_bytes: Live tensors of a pass at most, weights left out.
    """

    parameters: int
    trained: int
    multiply_adds: int
    by_part: dict[str, int]
    milliseconds: float
    peak_bytes: int


def measure(model: nn.Module, run: Callable[[], object], device: torch.device, rounds: int = 5) -> Complexity:
    """Count and time a pass.

    Args:
        model: In evaluation mode.
        run: The pass.
        device: Where it runs.
        rounds: Timed passes, after one to warm up.
    """
    counter = operation_counter()
    with torch.inference_mode(), counter:
        run()
    counts = counter.get_flop_counts()
    parts = {name: sum(counts[key].values()) // 2 for name in dict(model.named_children())
             if (key := f'{type(model).__name__}.{name}') in counts}  # fmt: skip
    parameters = list(model.parameters())
    return Complexity(
        parameters=sum(p.numel() for p in parameters),
        trained=sum(p.numel() for p in parameters if p.requires_grad),
        multiply_adds=counter.get_total_flops() // 2,
        by_part=parts,
        milliseconds=_median_ms(run, device, rounds),
        peak_bytes=_peak_bytes(run, device),
    )


def operation_counter() -> FlopCounterMode:
    """Torch's counter, with a formula for each fused attention that this release of torch has.

    An operation with a formula is counted as a whole and never decomposed, so none is counted twice; attention that runs
    as two products (the mathematical form) is counted by these.
    """
    kernels = (getattr(torch.ops.aten, name, None) for name in FUSED_ATTENTION)
    return FlopCounterMode(display=False, custom_mapping={kernel: attention_operations for kernel in kernels if kernel})


def attention_operations(
    query: torch.Size, key: torch.Size, value: torch.Size, *_: object, out_shape: object = None, **__: object
) -> int:
    """Two for each multiply-add of ``query @ key.T`` and of the weights with ``value``, masked pairs included.

    Args:
        query: Shape (..., heads, L, C).
        key: Shape (..., heads or fewer, S, C).
        value: Shape (..., heads or fewer, S, D).
        out_shape: Not needed; the counter gives it.
    """
    return 2 * prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


def _median_ms(run: Callable[[], object], device: torch.device, rounds: int) -> float:
    times = []
    with torch.inference_mode():
        run()
        for _ in range(rounds):
            _wait(device)
            began = time.perf_counter()
            run()
            _wait(device)
            times.append(1e3 * (time.perf_counter() - began))
    return sorted(times)[len(times) // 2]


def _peak_bytes(run: Callable[[], object], device: torch.device) -> int:
    with torch.inference_mode():
        if device.type == 'cuda':
            torch.cuda.reset_peak_memory_stats(device)
            before = torch.cuda.memory_allocated(device)
            run()
            return torch.cuda.max_memory_allocated(device) - before
        with profile(use_cpu=True, profile_memory=True) as profiler:
            run()
    live = peak = 0
    events = [e for e in profiler.kineto_results.events() if e.name() == '[memory]']
    for event in sorted(events, key=lambda e: e.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    return peak


def _wait(device: torch.device) -> None:
    if device.type == 'cuda':
        torch.cuda.synchronize(device)


def main(arguments: list[str] | None = None) -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model', metavar='MODEL', help="name, config or run's folder")
    parser.add_argument('--size', type=int, nargs=2, default=(320, 320), metavar=('H', 'W'))
    parser.add_argument('--frames', type=int, default=1, metavar='T', help='pictures of a set')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--json', action='store_true', help='one line for machines')
    args = parser.parse_args(arguments)
    try:
        device = torch.device(args.device)
        model = init_model(args.model, device=device)
        if not hasattr(model, 'extract'):
            raise ConfigError(
                f'{args.model} is a {type(model).__name__}, which goes frame by frame with a memory; a single pass '
                'says little about it. `salseg track` prints how many frames a second it follows.'
            )
        inputs = FrameInputs(frames=torch.randn(1, args.frames, 3, *args.size, device=device))
        found = measure(model, lambda: model(inputs, mode='tensor'), device, args.rounds)
    except SalsegError as error:
        sys.stderr.write(f'{error}\n')
        return 2
    print(json.dumps(asdict(found)) if args.json else report(found, args.frames))
    return 0


def report(found: Complexity, frames: int) -> str:
    """The same in words."""
    lines = [
        f'parameters     {found.parameters / 1e6:9.3f} M ({found.trained / 1e6:.3f} M trained)',
        f'multiply-adds  {found.multiply_adds / 1e9:9.3f} G, of which '
        + ', '.join(f'{name} {n / 1e9:.3f}' for name, n in found.by_part.items() if n),
        f'time           {found.milliseconds:9.1f} ms, {1e3 * frames / found.milliseconds:.1f} frames per second',
        f'peak memory    {found.peak_bytes / 2**20:9.1f} MiB besides the weights',
    ]
    return '\n'.join(lines)


if __name__ == '__main__':
    sys.exit(main())
