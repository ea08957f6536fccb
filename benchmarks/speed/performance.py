"""Training step and inference of every system: time, throughput, peak memory, mixed against single precision, compiled.

    python benchmarks/speed/performance.py [--device cuda:0] [--systems NAME ...] [--compile] [--objects 3] [--frames 50]
    python benchmarks/speed/performance.py --device cpu --quick

Prints the table of docs/en/performance.md with the name of the device. Networks are at their published sizes, with random
weights and random images, so that data loading takes no part. A step is forward, losses, backward and SGD. Mixed precision
is float16 with gradient scaling on a GPU, bfloat16 on a CPU. Trackers are timed frame by frame, with one object unless told
otherwise, over the second half of --frames. Without a GPU nothing is measured unless --device cpu asks for it; --quick takes
the small models at tiny sizes, which shows that everything runs and nothing else.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from mmengine.optim import OptimWrapper
from torch import nn

from salseg.apis import Prompt, Propagator, init_model
from salseg.engine.optim import AutocastOptimWrapper
from salseg.structures import FrameInputs, FrameTargets

TINY = 64


@dataclass(frozen=True)
class System:
    """One row: sets of a training batch, frames of a set, size of a frame; frames of a set in inference."""

    batch: int
    frames: int
    size: tuple[int, int]
    tested: int = 1


SYSTEMS = {
    'scwssod': System(16, 1, (320, 320)),
    'dcfm': System(1, 5, (224, 224), tested=5),
    'mask-guided-fcn': System(1, 1, (500, 500)),
    'rcrnet': System(4, 1, (448, 448)),
    'fgplg': System(4, 1, (448, 448)),
    'rcrnet-ner': System(1, 4, (448, 448), tested=4),
    'contrastive-vsod': System(1, 8, (473, 473)),
    'npmca-net': System(1, 3, (256, 432)),
    'xmem': System(1, 3, (384, 384)),
    'xmem-boxes': System(1, 3, (384, 384)),
}
TRACKERS = ('npmca-net', 'xmem', 'xmem-boxes')
FOLLOWED = (480, 864)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row for each system."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--device', help='a GPU by default; cpu has to be requested')
    parser.add_argument('--quick', action='store_true', help='the small models at tiny sizes, one round')
    parser.add_argument('--systems', nargs='+', default=list(SYSTEMS), choices=list(SYSTEMS))
    parser.add_argument('--rounds', type=int, default=10)
    parser.add_argument('--objects', type=int, default=1, help='followed together by a tracker')
    parser.add_argument('--frames', type=int, default=50, help='of the stream that a tracker follows')
    parser.add_argument('--compile', action='store_true', help='also with torch.compile')
    args = parser.parse_args(arguments)
    if args.device is None and not torch.cuda.is_available():
        print('no GPU is here, so nothing was timed; --device cpu [--quick] times the CPU instead')
        return 2
    device = torch.device(args.device or 'cuda:0')
    name = torch.cuda.get_device_name(device) if device.type == 'cuda' else f'CPU, {torch.get_num_threads()} threads'
    print(f'{name}, torch {torch.__version__}{", quick: tiny models and sizes" if args.quick else ""}\n')
    columns = ['step', 'step mixed', 'memory', 'memory mixed', 'frames/s', 'frames/s mixed', 'frames/s compiled']
    print('| system | batch x frames, size | ' + ' | '.join(columns) + ' |\n' + '|---' * (len(columns) + 2) + '|')
    for system in args.systems:
        print(row(system, device, args), flush=True)
    return 0


def row(name: str, device: torch.device, args: argparse.Namespace) -> str:
    """One line of the table."""
    system = SYSTEMS[name]
    if args.quick:
        system = System(min(system.batch, 2), min(system.frames, 3), (TINY, TINY), min(system.tested, 2))
    model = init_model(
        f'{name}-lite' if args.quick else name, device=device, options=without_learner(name), pretrained=False
    )
    rounds = 1 if args.quick else args.rounds
    steps = [training(model, name, system, device, mixed, rounds) for mixed in (False, True)]
    rates = [inference(model.eval(), name, system, device, mixed, rounds, args) for mixed in (False, True)]
    compiled = None
    if args.compile and name not in TRACKERS:
        compiled = compiled_rate(model, name, system, device, rounds)
    cells = [f'{seconds * 1e3:.0f} ms' for seconds, _ in steps]
    cells += ['not measured' if peak is None else f'{peak / 2**20:.0f} MiB' for _, peak in steps]
    cells += [f'{rate:.1f}' for rate in rates] + ['not measured' if compiled is None else f'{compiled:.1f}']
    size = 'x'.join(map(str, system.size))
    return f'| {name} | {system.batch} x {system.frames}, {size} | ' + ' | '.join(cells) + ' |'


def without_learner(name: str) -> list[str]:
    """Options that leave the learner of masks out: its masks are made once, before training."""
    return ['model.learner=None'] if name == 'mask-guided-fcn' else []


def batch(name: str, system: System, device: torch.device) -> tuple[FrameInputs, FrameTargets]:
    """Random images with one object, and all that any of the losses reads."""
    generator = torch.Generator().manual_seed(0)
    sets, frames, (height, width) = system.batch, system.frames, system.size
    images = torch.randint(0, 256, (sets, frames, 3, height, width), generator=generator).to(torch.uint8).to(device)
    labels = torch.zeros(sets, frames, height, width, dtype=torch.uint8, device=device)
    labels[..., height // 4 : height // 2, width // 4 : width // 2] = 1
    x = images.float().sub(127).div(64)
    first, inputs = labels[:, :1] > 0, FrameInputs(x, images=images)
    if name == 'fgplg':
        inputs.prompt = first.float().expand(-1, 2, -1, -1)
        inputs.flow = torch.zeros(sets, 2, 2, height, width, device=device)
    elif name == 'mask-guided-fcn':
        inputs.guidance = (labels > 0).unsqueeze(2).float()
    elif name in TRACKERS:
        inputs.prompt = first
    box = torch.tensor([width // 4, height // 4, width // 2, height // 2], dtype=torch.float32, device=device)
    targets = FrameTargets(images=images, inputs=x, labels=labels, iteration=1000)
    targets.boxes = box.expand(sets, frames, 1, 4)
    targets.box_valid = torch.ones(sets, frames, 1, dtype=torch.bool, device=device)
    if name in TRACKERS:
        targets.object_valid = torch.ones(sets, 1, dtype=torch.bool, device=device)
    return inputs, targets


def training(
    model: nn.Module, name: str, system: System, device: torch.device, mixed: bool, rounds: int
) -> tuple[float, int | None]:
    """Median seconds of a step, and the peak of allocated bytes on a GPU."""
    inputs, targets = batch(name, system, device)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-6)
    half = 'float16' if device.type == 'cuda' else 'bfloat16'
    wrapper = AutocastOptimWrapper(half, optimizer=optimizer) if mixed else OptimWrapper(optimizer)
    model.train()

    def step() -> None:
        with wrapper.optim_context(model):
            features, outputs = model.run(inputs)
        # Views of the targets are made anew in every step, as in training.
        terms = model.loss_from(inputs, features, outputs, targets.frames())
        wrapper.update_params(sum(terms.values()))

    return timed(step, device, rounds)


@torch.inference_mode()
def inference(
    model: nn.Module,
    name: str,
    system: System,
    device: torch.device,
    mixed: bool,
    rounds: int,
    args: argparse.Namespace,
) -> float:
    """Frames in a second."""
    half = torch.float16 if device.type == 'cuda' else torch.bfloat16
    with torch.autocast(device.type, half, enabled=mixed):
        if name in TRACKERS:
            size, frames = ((TINY, TINY), 4) if args.quick else (FOLLOWED, args.frames)
            return following(model, device, size, frames, args.objects)
        one = System(1, system.tested if name != 'contrastive-vsod' else 1, system.size)
        inputs, _ = batch(name, one, device)
        seconds, _ = timed(lambda: model(inputs, mode='tensor'), device, rounds)
    return one.frames / seconds


def following(model: nn.Module, device: torch.device, size: tuple[int, int], frames: int, objects: int = 1) -> float:
    """Frames in a second of a tracker, over the second half of a stream; the objects lie side by side."""
    model.shorter_side = min(size)
    stream = Propagator(model, random_weights=True)
    images = torch.randint(0, 256, (frames, *size, 3), dtype=torch.uint8).numpy()
    masks = {index + 1: np.zeros(size, dtype=bool) for index in range(objects)}
    for index, mask in masks.items():
        left, width = size[1] // 4, size[1] // (4 * objects)
        mask[size[0] // 4 : size[0] // 2, left + (index - 1) * width : left + index * width] = True
    for index, image in enumerate(images):
        if index == frames // 2:
            wait(device)
            started = time.perf_counter()
        stream.step(image, Prompt.from_masks(masks) if index == 0 else None)
    wait(device)
    return (frames - frames // 2) / (time.perf_counter() - started)


@torch.inference_mode()
def compiled_rate(model: nn.Module, name: str, system: System, device: torch.device, rounds: int) -> float:
    """Frames in a second with torch.compile."""
    inputs, _ = batch(name, System(1, system.tested, system.size), device)
    run = torch.compile(lambda frames: model(replace(inputs, frames=frames), mode='tensor')['logits'])
    seconds, _ = timed(lambda: run(inputs.frames), device, rounds)
    return system.tested / seconds


def timed(call: Callable[[], object], device: torch.device, rounds: int) -> tuple[float, int | None]:
    """Median seconds after two calls to warm up, and the peak of allocated bytes on a GPU."""
    call()
    call()
    cuda = device.type == 'cuda'
    if cuda:
        torch.cuda.reset_peak_memory_stats(device)
    times = []
    for _ in range(rounds):
        wait(device)
        started = time.perf_counter()
        call()
        wait(device)
        times.append(time.perf_counter() - started)
    return sorted(times)[len(times) // 2], torch.cuda.max_memory_allocated(device) if cuda else None


def wait(device: torch.device) -> None:
    """Until the device has done all."""
    if device.type == 'cuda':
        torch.cuda.synchronize(device)


if __name__ == '__main__':
    sys.exit(main())
