"""Training steps against the published ones: the authors' networks and losses, forward, losses, backward and SGD.

    python benchmarks/speed/training_steps.py --reference DIR [--systems NAME ...] [--sets 2] [--size 160 160] [--rounds 3]
                                              [--channels-last] [--recompute]
    python benchmarks/speed/training_steps.py --against CHECKOUT [--systems NAME ...] [--sets 1] [--size 256 256]

DIR holds clones of the authors' repositories, as in whole_networks.py; both networks get the same random weights. What their
training scripts do between the batch and the optimiser is written out here, with their networks and their losses. Equality
first: on a tiny batch, in double precision, the loss and the norm of all gradients must agree; then the loss of the timed
batch in single precision. A difference ends the script with status 1. Then the steps take turns in one process. Printed is
the least processor time and, for memory, the largest sum of live tensors that a step makes, gradients among them. Dropout
and deep updates are off on both sides, since each would draw its own; the optimiser is plain SGD with the rate 0, which keeps
the weights. Ours is as the config trains it, laid out by `ChannelsLastHook` where it has that; --channels-last and
--recompute add what that hook and `ActivationCheckpointingHook` on all backbones do. With --against the other form is another
commit of this project, in a process of its own with the same weights: for systems whose authors published no code.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent))

import authors
from measure import peak_bytes

from salseg.apis import init_model
from salseg.catalog import list_configs
from salseg.engine.config import load_config
from salseg.models import BaseSegmentor
from salseg.models.backbones.base import Backbone
from salseg.registry import HOOKS
from salseg.structures import FrameInputs, FrameTargets

Loss = Callable[[], Tensor]
# Differences in double and in single precision, as fractions; norms of gradients are sums of many.
EXACT, TOLERANCE = 1e-6, 1e-3


@dataclass(frozen=True)
class Batch:
    """What one step sees.

    Attributes:
        frames: (B, T, 3, H, W), normalised.
        labels: (B, T, H, W) uint8: 0, 1, and 255 for unknown.
    """

    frames: Tensor
    labels: Tensor


@dataclass(frozen=True)
class System:
    """Sets, frames of a set and size of a published batch; our config; whether pixels may be unknown; the tiny size."""

    sets: int
    frames: int
    size: tuple[int, int]
    config: str
    unknown: bool = False
    tiny: tuple[int, int] = (64, 64)


SYSTEMS = {
    'scwssod': System(16, 1, (320, 320), 'scwssod_r50_released_duts-scribble-320', unknown=True, tiny=(96, 96)),
    'dcfm': System(1, 16, (224, 224), 'dcfm_vgg16_released_coco9213-224'),
    'rcrnet-ner': System(1, 4, (448, 448), 'rcrnet-ner_r50_released_vos-0-20-448'),
    'xmem': System(16, 3, (384, 384), 'xmem_r50_stage0-static_384'),
    'contrastive-vsod': System(2, 2, (473, 473), 'contrastive-vsod_r101_paper_images-davis-473', tiny=(96, 96)),
    'mask-guided-fcn': System(1, 1, (500, 500), 'mask-guided-fcn_vgg16_paper_msra-b-500', tiny=(96, 96)),
    'npmca-net': System(1, 3, (256, 448), 'npmca-net_r50_paper_davis17'),
}
PUBLISHED = ('scwssod', 'dcfm', 'rcrnet-ner', 'xmem')


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row for each system."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--reference', type=Path, help="folder with clones of the authors' repositories")
    parser.add_argument('--against', type=Path, help='checkout of another commit of this project')
    parser.add_argument('--systems', nargs='+', choices=SYSTEMS, help='all that the reference has by default')
    parser.add_argument('--sets', type=int, help='of a batch, at most; the published by default')
    parser.add_argument('--frames', type=int, help='of a set, at most')
    parser.add_argument('--size', nargs=2, type=int, help='height and width, multiples of 32')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--channels-last', action='store_true', help='ours with weights laid out by ChannelsLastHook')
    parser.add_argument('--recompute', action='store_true', help='ours with backbones run again in the backward pass')
    parser.add_argument('--serve', help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    if args.serve:
        return serve(json.loads(args.serve))
    if (args.reference is None) == (args.against is None):
        parser.error("give --reference (clones of the authors' code) or --against (a checkout of this project)")
    print(f'{args.threads} thread(s), torch {torch.__version__}, {args.rounds} rounds; least times, ours / theirs\n')
    print(
        '| network | sets x frames, size | theirs s | ours s | ratio | theirs MB | ours MB | ratio | loss, gradients |'
    )
    print('|---' * 9 + '|')
    status = 0
    for name in args.systems or (PUBLISHED if args.reference else SYSTEMS):
        whole = SYSTEMS[name]
        case = replace(
            whole,
            sets=min(whole.sets, args.sets or whole.sets),
            frames=min(whole.frames, args.frames or whole.frames),
            size=tuple(args.size or whole.size),
        )
        small = replace(whole, sets=min(whole.sets, 2), frames=min(whole.frames, 3), size=whole.tiny)
        tiny = batch_of(small)
        if args.against:
            status |= against(name, case, small, args)
            continue
        published = authors.training_network(name, args.reference)
        step_of = {'scwssod': _scwssod, 'dcfm': _dcfm, 'rcrnet-ner': _rcrnet, 'xmem': _xmem}[name]
        loss = partial(step_of, published)
        # Where norms are frozen, those of a random start would let values grow from block to block.
        authors.take_statistics(published, partial(loss, tiny))
        ours = model_of(case)
        ours.load_state_dict(authors.converted(name, published.state_dict()))
        label = name + (', channels last' if args.channels_last else '') + (', recomputed' if args.recompute else '')
        if args.channels_last:
            HOOKS.build(dict(type='ChannelsLastHook')).before_train(SimpleNamespace(model=ours))
        if args.recompute:
            # With --against this file runs on another commit too, which may not have it.
            from salseg.engine.hooks import recomputed

            for part in backbones(ours):
                part.forward = recomputed(part)
        status |= compared(label, case, tiny, (published, loss), ours, args.rounds)
    return status


def compared(
    name: str,
    case: System,
    tiny: Batch,
    theirs: tuple[nn.Module, Callable[[Batch], Tensor]],
    ours: BaseSegmentor,
    rounds: int,
) -> int:
    """Check that both steps are equal, then measure and print."""
    published, loss = theirs
    tiny = replace(tiny, frames=tiny.frames.double())
    found = [gradient(net.double(), form, tiny) for net, form in ((published, loss), (ours, partial(own, ours)))]
    differences = [abs(float(a / b) - 1) for a, b in zip(*found)]
    published.float()
    ours.float()
    batch = batch_of(case)
    with torch.no_grad():
        single = abs(float(loss(batch) / own(ours, batch)) - 1)
    if not (max(differences) <= EXACT and single <= TOLERANCE):
        both = ' and '.join(f'{difference:.1e}' for difference in differences)
        print(f'| {name} | loss and gradients differ by {both}, the loss in single precision by {single:.1e} |')
        return 1
    steps = [partial(step, published, partial(loss, batch)), partial(step, ours, partial(own, ours, batch))]
    times: list[list[float]] = [[], []]
    for round_ in range(rounds + 1):
        for one, seconds in zip(steps, times):
            start = time.process_time()
            one()
            if round_:
                seconds.append(time.process_time() - start)
    best = [min(seconds) for seconds in times]
    peaks = [peak_bytes(one, warm=True) / 1e6 for one in steps]
    print_row(name, case, best, peaks, differences)
    return 0


def print_row(
    name: str, case: System, best: Sequence[float], peaks: Sequence[float], differences: Sequence[float]
) -> None:
    """A line of the table: theirs first, seconds and megabytes."""
    size = 'x'.join(map(str, case.size))
    print(
        f'| {name} | {case.sets} x {case.frames}, {size} | {best[0]:.2f} | {best[1]:.2f} | {best[1] / best[0]:.2f} | '
        f'{peaks[0]:.0f} | {peaks[1]:.0f} | {peaks[1] / peaks[0]:.2f} | '
        f'{", ".join(f"{difference:.0e}" for difference in differences)} |',
        flush=True,
    )


def against(name: str, case: System, small: System, args: argparse.Namespace) -> int:
    """As `compared`, with the step of another commit as theirs."""
    ours = model_of(case)
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder, 'weights.pth')
        torch.save(ours.state_dict(), weights)
        given = dict(case=asdict(case), small=asdict(small), weights=str(weights))
        process = subprocess.Popen(
            [sys.executable, __file__, '--serve', json.dumps(given), '--threads', str(args.threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=args.against,
            env={**os.environ, 'PYTHONPATH': str(args.against.resolve())},
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        local = Own(ours, case, small)
        found: dict[str, list[list[float]]] = {}
        for word in ['gradient', *['seconds'] * (args.rounds + 1), 'peak']:
            print(word, file=process.stdin, flush=True)
            answer = process.stdout.readline()
            if not answer:
                raise SystemExit('the other checkout ended early')
            found.setdefault(word, []).append([*json.loads(answer), *getattr(local, word)()])
            differences = [abs(a / b - 1) for a, b in (found['gradient'][0][::2], found['gradient'][0][1::2])]
            if not max(differences) <= EXACT:
                print(f'| {name} | loss and gradients differ by {" and ".join(f"{d:.1e}" for d in differences)} |')
                process.kill()
                return 1
        process.stdin.close()
        process.wait()
    best = [min(times) for times in zip(*found['seconds'][1:])]
    print_row(name, case, best, [peak / 1e6 for peak in found['peak'][0]], differences)
    return 0


class Own:
    """Our step on a batch, asked by word."""

    def __init__(self, model: BaseSegmentor, case: System, small: System) -> None:
        self.model, self.batch, self.small = model, batch_of(case), batch_of(small)

    def gradient(self) -> list[float]:
        """Loss and norm of all gradients on the tiny batch in double precision."""
        tiny = replace(self.small, frames=self.small.frames.double())
        torch.manual_seed(0)
        values = [float(value) for value in gradient(self.model.double(), partial(own, self.model), tiny)]
        self.model.float()
        return values

    def seconds(self) -> list[float]:
        """Processor time of a step."""
        start = time.process_time()
        self._step()
        return [time.process_time() - start]

    def peak(self) -> list[float]:
        """Bytes that a step holds at its most."""
        return [float(peak_bytes(self._step, warm=True))]

    def _step(self) -> None:
        step(self.model, partial(own, self.model, self.batch))


def serve(given: dict) -> int:
    """Do what the other process asks for, with the commit that PYTHONPATH names."""
    case, small = (System(**{**given[key], 'size': tuple(given[key]['size'])}) for key in ('case', 'small'))
    model = model_of(case)
    model.load_state_dict(torch.load(given['weights']))
    form = Own(model, case, small)
    for line in sys.stdin:
        print(json.dumps(getattr(form, line.strip())()), flush=True)
    return 0


def step(network: nn.Module, loss: Loss) -> None:
    """Forward, losses, backward and SGD; no gradient is left, so that the next step makes its own."""
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.0)
    loss().backward()
    optimizer.step()
    optimizer.zero_grad()


def gradient(network: nn.Module, loss: Callable[[Batch], Tensor], batch: Batch) -> tuple[Tensor, Tensor]:
    """The loss, and the norm of all its gradients."""
    value = loss(batch)
    value.backward()
    norm = torch.stack([p.grad.norm() for p in network.parameters() if p.grad is not None]).norm()
    network.zero_grad()
    return value.detach(), norm


def batch_of(case: System) -> Batch:
    """Smooth random frames with a rectangle as the object."""
    generator = torch.Generator().manual_seed(1)
    height, width = case.size
    coarse = torch.randn(case.sets * case.frames, 3, height // 16, width // 16, generator=generator)
    frames = F.interpolate(coarse, size=case.size, mode='bicubic').unflatten(0, (case.sets, case.frames))
    labels = torch.full((case.sets, case.frames, height, width), 255 if case.unknown else 0, dtype=torch.uint8)
    if case.unknown:
        labels[..., : height // 8, :] = 0
    labels[..., height // 4 : height * 3 // 4, width // 4 : width // 2] = 1
    return Batch(frames, labels)


def model_of(case: System) -> BaseSegmentor:
    """Ours, as it trains."""
    path = next(str(path) for path in list_configs() if path.stem == case.config)
    model = init_model(path, device='cpu', pretrained=False).train()
    # Laid out as in training: a model for prediction has its weights in another order.
    model.to(memory_format=torch.contiguous_format)
    config = load_config(path)
    for hook in [*config.default_hooks.values(), *config.custom_hooks]:
        # With --against this file runs on another commit too, so it asks for nothing that is new.
        if hook is not None and hook.get('type') == 'ChannelsLastHook':
            HOOKS.build(hook).before_train(SimpleNamespace(model=model))
    if hasattr(model, 'deep_probability'):
        model.deep_probability = 0.0
    return authors.without_dropout(model)


def backbones(model: BaseSegmentor) -> list[nn.Module]:
    """Parts that turn images into features; a backbone in another one comes with it."""
    found = {name: part for name, part in model.named_modules() if isinstance(part, Backbone)}
    return [part for name, part in found.items() if not any(name.startswith(f'{other}.') for other in found)]


def own(model: BaseSegmentor, batch: Batch) -> Tensor:
    """Our loss."""
    inputs = FrameInputs(batch.frames)
    targets = FrameTargets(inputs=batch.frames, labels=batch.labels, iteration=1000)
    if hasattr(model, 'init_state'):
        inputs.prompt = batch.labels[:, :1] == 1
        targets.object_valid = torch.ones(len(batch.labels), 1, dtype=torch.bool)
    if getattr(model, 'needs_guidance', False):
        inputs.guidance = torch.ones_like(batch.frames[:, :, :1])
    features, outputs = model.run(inputs)
    return sum(model.loss_from(inputs, features, outputs, targets.frames()).values())


def _scwssod(network: nn.Module, batch: Batch) -> Tensor:
    image, labels = batch.frames[:, 0], batch.labels[:, 0].long()
    small = F.interpolate(image, scale_factor=0.3, mode='bilinear', align_corners=True)
    outputs, scaled = network(image, 'Train'), network(small, 'Train')
    again = F.interpolate(outputs[0][:, 1:2], scale_factor=0.3, mode='bilinear', align_corners=True)
    total = network.structure(scaled[0][:, 1:2], again, 0.85)
    entropy = nn.CrossEntropyLoss(ignore_index=255)
    front, back = labels.masked_fill(labels == 0, 255), labels.masked_fill(labels != 0, 255)
    # Their loss divides this image in place, again for every output.
    seen = {'rgb': F.interpolate(image, scale_factor=0.25, mode='bilinear', align_corners=True)}
    kernels = [{'weight': 1, 'xy': 6, 'rgb': 0.1}]
    for output, weight in zip(outputs, (1, 0.8, 0.6, 0.4)):
        reduced = F.interpolate(output[:, 1:2], scale_factor=0.25, mode='bilinear', align_corners=True)
        local = network.coherence(reduced, kernels, 5, seen, *seen['rgb'].shape[2:])['loss']
        total = total + weight * (entropy(output, front) + entropy(output, back) + 0.3 * local)
    return total


def _dcfm(network: nn.Module, batch: Batch) -> Tensor:
    truth = batch.labels[0].unsqueeze(1).to(batch.frames)
    with authors.on_cpu():
        outputs, mean, front, back = network(batch.frames[0], truth)
    near, far = ((1 + network.cosine(mean, other)) * 0.5 for other in (front, back))
    contrast = -torch.log(near + 1e-5) - torch.log(1 - far + 1e-5)
    return network.overlap(outputs, truth) + 0.1 * contrast.sum()


def _rcrnet(network: nn.Module, batch: Batch) -> Tensor:
    entropy = nn.BCEWithLogitsLoss()
    truth = batch.labels[0].unsqueeze(1).to(batch.frames)
    predictions = network(list(batch.frames[0].split(1)))
    return torch.stack([entropy(p, t) for p, t in zip(predictions, truth.split(1))]).sum()


def _xmem(network: nn.Module, batch: Batch) -> Tensor:
    frames, labels = batch.frames, batch.labels.long()
    sets, count = frames.shape[:2]
    key, shrinkage, selection, *levels = network('encode_key', frames)
    masks = (labels[:, :1] == 1).to(frames)
    hidden = frames.new_zeros(sets, 1, 64, *key.shape[-2:])
    value, hidden = network('encode_value', frames[:, 0], levels[0][:, 0], hidden, masks)
    values, chosen = value.unsqueeze(3), torch.ones(sets, 1, 1, 1).to(frames)
    found = dict(rgb=frames, cls_gt=labels.unsqueeze(2))
    for t in range(1, count):
        # As many references as frames before: a clip of three frames never has to choose.
        readout = network('read_memory', key[:, :, t], selection[:, :, t], key[:, :, :t], shrinkage[:, :, :t], values)
        features, lives_on = tuple(level[:, t] for level in levels), t < count - 1
        hidden, logits, masks = network('segment', features, readout, hidden, chosen, h_out=lives_on)
        if lives_on:
            seen = frames[:, t], levels[0][:, t], hidden, masks
            value, hidden = network('encode_value', *seen, is_deep_update=False)
            values = torch.cat([values, value.unsqueeze(3)], 3)
        found |= {f'masks_{t}': masks, f'logits_{t}': logits}
    return network.losses.compute(found, [1] * sets, 1000)['total_loss']


if __name__ == '__main__':
    sys.exit(main())
