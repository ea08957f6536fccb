"""Parameters, multiply-adds, throughput and peak memory of a model.

    python tools/analysis_tools/model_complexity.py scwssod-lite --size 320 320 [--frames 1] [--device cuda:0]
    python tools/analysis_tools/model_complexity.py xmem-lite --size 480 864 --objects 2 --frames 6

Weights are random: no file is read or fetched, and a learner of masks is left out. Of a tracker one frame is counted and
timed, with --objects objects, after --frames frames, the first of which gave the objects. Operations are counted as they
run, by torch's own counter, matrix products inside fused attention included; one multiply-add is two operations.
Elementwise work, normalisation and pooling are not counted.
"""

import argparse
import copy
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import torch
from torch import nn
from torch.autograd.profiler import profile
from torch.utils.flop_counter import FlopCounterMode

from salseg.apis import Prompt, Propagator, init_model
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


def image_pass(model: Any, frames: int, size: tuple[int, int], device: torch.device) -> Callable[[], object]:
    """A forward pass over one set of random images, with what else the network reads."""
    inputs = FrameInputs(frames=torch.randn(1, frames, 3, *size, device=device))
    if getattr(model, 'needs_guidance', False):
        inputs.guidance = torch.rand(1, frames, 1, *size, device=device)
    if getattr(model, 'cue', 'none') != 'none':
        inputs.prompt = torch.rand(1, 2, *size, device=device)
        inputs.flow = torch.zeros(1, 2, 2, *size, device=device)
    return lambda: model(inputs, mode='tensor')


def tracking_pass(
    model: Any, frames: int, size: tuple[int, int], objects: int, device: torch.device
) -> Callable[[], object]:
    """One frame of a random video, after some that were tracked; every call begins from the same memory.

    Raises:
        ConfigError: The frame has no place for so many objects.
    """
    if not 1 <= objects <= size[1]:
        raise ConfigError(f'--objects {objects}: expected 1 to {size[1]}, the columns of a frame.')
    video = torch.randn(frames + 1, 3, *size, device=device)
    # Stripes: every object has pixels, whatever their number.
    columns = torch.arange(size[1], device=device) * objects // size[1]
    masks = (columns == torch.arange(objects, device=device)[:, None])[:, None].expand(-1, size[0], -1)
    stream = Propagator(model, random_weights=True, shorter_side=None)
    stream.step_frame(video[0], Prompt(tuple(range(1, objects + 1)), masks, (False,) * objects))
    for frame in video[1:-1]:
        stream.step_frame(frame)
    before = copy.deepcopy(stream.snapshot())

    def step() -> object:
        stream.restore(copy.deepcopy(before))
        return stream.step_frame(video[-1])

    return step


def main(arguments: list[str] | None = None) -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model', metavar='MODEL', help="name, config or run's folder")
    parser.add_argument('--size', type=int, nargs=2, default=(320, 320), metavar=('H', 'W'))
    parser.add_argument(
        '--frames', type=int, default=1, metavar='T', help='images of a set; of a tracker, frames before'
    )
    parser.add_argument('--objects', type=int, metavar='K', help='of a tracker (1)')
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='override values of the config'
    )
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--json', action='store_true', help='one line for machines')
    args = parser.parse_args(arguments)
    try:
        device = torch.device(args.device)
        size = args.size[0], args.size[1]
        model = init_model(args.model, device=device, options=args.cfg_options, pretrained=False)
        if hasattr(model, 'learner'):
            model.learner = None
        if model.input_type == 'video':
            run = tracking_pass(model, args.frames, size, args.objects or 1, device)
        elif args.objects is not None:
            raise ConfigError(f'--objects is for trackers; {args.model} is a {type(model).__name__}.')
        else:
            run = image_pass(model, args.frames, size, device)
        found = measure(model, run, device, args.rounds)
    except SalsegError as error:
        sys.stderr.write(f'{error}\n')
        return 2
    frames = 1 if model.input_type == 'video' else args.frames
    print(json.dumps(asdict(found)) if args.json else report(found, frames))
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
