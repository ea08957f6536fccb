"""Training step of the mask-guided FCN with stored masks against that of its network without any masks.

    python benchmarks/speed/guided_step.py [--model mask-guided-fcn-lite mask-guided-fcn] [--rounds 5]

Equality first: masks of ones must give the loss and all gradients of the network that multiplies by nothing, to the last bit.
Then the least processor time of a step on one thread, in turn: the network alone (layers, loss, backward, SGD, written out);
the model's own step with a mask for each image, read from its 16-bit file and checked as `LoadGuidance` does; and, where the
learner's weights are here, the step that learns the masks itself. Networks are at their published sizes, with random images.
Ends with status 1 where stored masks cost more than a tenth.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from measure import use_one_thread
from performance import SYSTEMS, System, batch
from torch import Tensor

from salseg.apis import init_model
from salseg.datasets.guidance import COMMAND, image_digest, write_mask
from salseg.datasets.transforms import LoadGuidance
from salseg.errors import CheckpointError, WeightsError
from salseg.io.images import write_png
from salseg.io.record import RunRecord, write_record
from salseg.models import BaseSegmentor
from salseg.structures import FrameGeometry, FrameInputs

MOST = 1.1
# As the recipe for a CPU trains; quick is the same network on fewer and smaller images.
LITE, QUICK = System(8, 1, (160, 160)), System(2, 1, (64, 64))


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and time each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', nargs='+', default=['mask-guided-fcn-lite'])
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--quick', action='store_true', help='small images, one round: equality, and that all runs')
    args = parser.parse_args(arguments)
    use_one_thread()
    print(
        '| model | images | network alone | with stored masks | ratio | masks learned in the step |\n'
        + '|---' * 6
        + '|'
    )
    slow = [name for name in args.model if not one(name, args)]
    for name in slow:
        print(f'{name}: not within {MOST} of the network alone', file=sys.stderr)
    return 1 if slow else 0


def one(name: str, args: argparse.Namespace) -> bool:
    """Row of a model; whether stored masks are cheap enough."""
    system = QUICK if args.quick else SYSTEMS.get(name, LITE)
    model, learns = built(name)
    model.train()
    inputs, targets = batch('mask-guided-fcn', system, torch.device('cpu'))
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-8)

    def bare() -> None:
        logits = model.head(model.backbone(inputs.frames.flatten(0, 1), None), system.size)['logits']
        truth = targets.frames().labels.flatten(0, 1).unsqueeze(1).to(logits)
        step((logits.sigmoid() - truth).square().mean(), optimizer)

    def ours(given: FrameInputs) -> None:
        features, outputs = model.run(given)
        step(sum(model.loss_from(given, features, outputs, targets.frames()).values()), optimizer)

    ones = replace(inputs, guidance=torch.ones_like(inputs.guidance))
    if not equal(model, lambda: gradients(model, bare), lambda: gradients(model, lambda: ours(ones))):
        print(f'{name}: masks of ones do not give what no masks give', file=sys.stderr)
        return False
    with tempfile.TemporaryDirectory() as folder:
        read = stored(Path(folder), inputs)
        variants = dict(bare=bare, stored=lambda: ours(replace(inputs, guidance=read())))
        if learns:
            variants['learned'] = lambda: ours(replace(inputs, guidance=None))
        spent = least(variants, 1 if args.quick else args.rounds)
    ratio = spent['stored'] / spent['bare']
    learned = (
        f'{spent["learned"] * 1e3:.0f} ms, {spent["learned"] / spent["bare"]:.2f}x' if learns else 'no weights here'
    )
    size = 'x'.join(map(str, system.size))
    print(
        f'| {name} | {system.batch} of {size} | {spent["bare"] * 1e3:.0f} ms | {spent["stored"] * 1e3:.0f} ms | {ratio:.3f}x '
        f'| {learned} |',
        flush=True,
    )
    return args.quick or ratio <= MOST


def built(name: str) -> tuple[BaseSegmentor, bool]:
    """The model, and whether its learner has weights to learn masks with."""
    try:
        model = init_model(name, device='cpu')
        model.learner.check_weights(False)
        return model, True
    except (WeightsError, CheckpointError):
        return init_model(name, device='cpu', options=['model.learner=None'], pretrained=False), False


def step(loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
    """Backward and SGD."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def gradients(model: BaseSegmentor, call: Callable[[], None]) -> list[Tensor]:
    """All gradients of one step, from the same weights and dropout."""
    torch.manual_seed(0)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    call()
    model.load_state_dict(before)
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


def equal(model: BaseSegmentor, first: Callable[[], list[Tensor]], second: Callable[[], list[Tensor]]) -> bool:
    """Whether two forms give the same gradients, of every trained parameter."""
    pairs = list(zip(first(), second(), strict=True))
    trained = sum(1 for p in model.parameters() if p.requires_grad)
    return len(pairs) == trained and all(torch.equal(a, b) for a, b in pairs)


def stored(folder: Path, inputs: FrameInputs) -> Callable[[], Tensor]:
    """Masks in files as `salseg precompute guidance` writes them; what reads them for the batch."""
    rng = np.random.default_rng(0)
    count, (height, width) = len(inputs.frames), inputs.frames.shape[-2:]
    items, sets = {}, []
    for index in range(count):
        image = folder / f'{index}.png'
        write_png(image, rng.integers(0, 256, (height, width, 3), np.uint8))
        write_mask(folder / f'set{index}/0.png', rng.random((-(-height // 32), -(-width // 32))))
        items[f'set{index}/0'] = dict(image=image_digest(str(image)), images=1)
        geometry = FrameGeometry.whole(height, width)
        sets.append(dict(set_id=f'set{index}', frame_ids=['0'], frame_paths=[str(image)], geometry=[geometry]))
    write_record(folder, RunRecord(COMMAND, items=items, state='done'))
    load = LoadGuidance(str(folder))
    return lambda: torch.stack([torch.from_numpy(np.stack(load(dict(results))['guidance'])) for results in sets])


def least(variants: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Least processor seconds of each, in turn, after one call to warm up."""
    best = dict.fromkeys(variants, float('inf'))
    for round_ in range(rounds + 1):
        for name, call in variants.items():
            start = time.process_time()
            call()
            if round_:
                best[name] = min(best[name], time.process_time() - start)
    return best


if __name__ == '__main__':
    sys.exit(main())
