"""Whole networks in inference against the authors' code, or against another commit of this project.

    python benchmarks/speed/whole_networks.py --reference DIR [--systems NAME ...] [--objects 1 3 5] [--threads 2]
    python benchmarks/speed/whole_networks.py --against CHECKOUT [--systems NAME ...]

DIR holds clones of the authors' repositories under their own names (SCWSSOD, DCFM, RCRNet-Pytorch, XMem); they are no part of
this project and run as they are, see authors.py. Both networks get the same random weights, through the project's
converters, and the same images; their outputs are compared first, and a difference ends the script with status 1. A network
with random weights can enlarge rounding until no tolerance tells it from an error: where single precision alone exceeds the
tolerance, both are compared in double precision, and ours in single may be no further from that than twice theirs is. Then they
take turns in one process (with --against in two). A tracker's turn is a frame. Printed is processor time, since the machine
may be shared: the sum of every part's least time, the median of the rounds, and the ratios of ours to theirs. Memory is the
largest sum of live tensors beyond parameters and inputs.
"""

import argparse
import copy
import itertools
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent))

from measure import largest_difference, peak_bytes

from salseg.apis import init_model
from salseg.propagation import Prompt
from salseg.structures import FrameInputs

# Called for a tuple of parts: one call of a network, or the frames of a stream.
Parts = Callable[[], Iterator[Tensor]]
# Both networks in double precision.
Doubled = Callable[[], tuple[Parts, Parts]]
# Differences in double precision, as a fraction of the largest.
EXACT = 1e-9


@dataclass(frozen=True)
class System:
    """Frames of a set, size of a frame, and how far outputs may differ, as a fraction of the largest."""

    frames: int
    size: tuple[int, int]
    tolerance: float = 1e-4
    objects: int = 0
    dtype: torch.dtype = torch.float32


SYSTEMS = {
    'scwssod': System(1, (320, 320)),
    'dcfm': System(5, (224, 224), 1e-3),
    'rcrnet-ner': System(4, (448, 448)),
    'xmem': System(12, (480, 864), 1e-3, objects=1),
    'mask-guided-fcn': System(1, (500, 500)),
    'contrastive-vsod': System(1, (473, 473)),
    'npmca-net': System(4, (256, 432), 1e-3, objects=1),
}
PUBLISHED = ('scwssod', 'dcfm', 'rcrnet-ner', 'xmem')


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row for each system."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--reference', type=Path, help="folder with clones of the authors' repositories")
    parser.add_argument('--against', type=Path, help='checkout of another commit of this project')
    parser.add_argument('--systems', nargs='+', choices=SYSTEMS, help='all that the reference has by default')
    parser.add_argument('--objects', nargs='+', type=int, default=[1, 3, 5], help='of XMem, a row each')
    parser.add_argument('--rounds', type=int, default=5, help='turns of each form')
    parser.add_argument('--frames', type=int, help='frames of a stream')
    parser.add_argument('--size', nargs=2, type=int, help='height and width, multiples of 32, instead of the published')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--plain', action='store_true', help='ours with weights laid out as in training')
    parser.add_argument('--fold', action='store_true', help='with --reference: our batch norms in the convolutions')
    parser.add_argument(
        '--mixed', action='store_true', help='ours in bfloat16 under autocast; the difference is printed, not judged'
    )
    parser.add_argument('--lite', action='store_true', help='with --against: the small models')
    parser.add_argument('--serve', help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    torch.set_num_threads(args.threads)
    if args.serve:
        return serve(json.loads(args.serve))
    if (args.reference is None) == (args.against is None):
        parser.error("give --reference (clones of the authors' code) or --against (a checkout of this project)")
    print(
        f'{args.threads} thread(s), torch {torch.__version__}, {args.rounds} rounds; least and median, ours / theirs\n'
    )
    print('| network | theirs s | ours s | ratio | ratio of medians | theirs MB | ours MB | ratio | difference |')
    print('|---' * 9 + '|')
    status = 0
    for name in args.systems or (PUBLISHED if args.reference else SYSTEMS):
        for objects in args.objects if name == 'xmem' else [SYSTEMS[name].objects]:
            status |= row(name, objects, args)
    return status


def row(name: str, objects: int, args: argparse.Namespace) -> int:
    """One line of the table; the status is 1 where the outputs differ."""
    case = System(
        args.frames if args.frames and SYSTEMS[name].objects else SYSTEMS[name].frames,
        tuple(args.size or SYSTEMS[name].size),
        math.inf if args.mixed else SYSTEMS[name].tolerance,
        objects,
    )
    label = (
        f'{name}{", plain" if args.plain else ""}{", folded" if args.fold else ""}{", bfloat16" if args.mixed else ""}'
        + (f', {objects} object(s)' if name == 'xmem' else '')
    )
    if args.against:
        with Server(name, case, args) as theirs:
            ours = parts_of(theirs.model, name, case)
            return compared(label, case, theirs, Local(ours, args.mixed), args.rounds)
    theirs, ours, doubled = against_authors(name, case, args)
    return compared(label, case, Local(theirs), Local(ours, args.mixed), args.rounds, doubled)


def compared(
    label: str, case: System, theirs: 'Local | Server', ours: 'Local', rounds: int, doubled: Doubled | None = None
) -> int:
    """Check that outputs are equal, then measure and print."""
    expected, found = theirs.outputs(), ours.outputs()
    difference = largest_difference(expected, found)
    shown = f'{difference:.0e}'
    if not difference <= case.tolerance:
        exact, again = (Local(parts).outputs() for parts in doubled()) if doubled else (expected, found)
        remains = largest_difference(exact, again)
        rounding = [largest_difference(exact, outputs) for outputs in (expected, found)]
        if not (remains <= EXACT and rounding[1] <= 2 * rounding[0]):
            print(
                f'| {label} | outputs differ by {difference:.1e} of the largest, more than {case.tolerance:.0e} |',
                flush=True,
            )
            return 1
        shown = f'{remains:.0e} in double precision; {rounding[0]:.0e} and {rounding[1]:.0e} from it in single'
        del exact, again
    del expected, found
    for _ in range(rounds):
        theirs.start()
        ours.start()
        for _ in range(case.frames if case.objects else 1):
            theirs.part()
            ours.part()
        theirs.end()
        ours.end()
    best = [form.clock.best() for form in (theirs, ours)]
    medians = [form.clock.median() for form in (theirs, ours)]
    peaks = [form.peak() / 1e6 for form in (theirs, ours)]
    print(
        f'| {label} | {best[0]:.3f} | {best[1]:.3f} | {best[1] / best[0]:.2f} | {medians[1] / medians[0]:.2f} | '
        f'{peaks[0]:.1f} | {peaks[1]:.1f} | {peaks[1] / peaks[0]:.2f} | {shown} |',
        flush=True,
    )
    return 0


@dataclass
class Clock:
    """Processor seconds of every part in every round."""

    rounds: list[list[float]] = field(default_factory=list)

    def best(self) -> float:
        """Sum of the least time of every part."""
        return sum(min(times) for times in zip(*self.rounds))

    def median(self) -> float:
        """Of the rounds' sums."""
        return statistics.median(map(sum, self.rounds))


class Local:
    """A form that runs in this process."""

    def __init__(self, parts: Parts, mixed: bool = False) -> None:
        self.parts, self.clock, self.mixed = parts, Clock(), mixed

    def precision(self) -> torch.autocast:
        """That of its operations."""
        return torch.autocast('cpu', torch.bfloat16, enabled=self.mixed)

    @torch.inference_mode()
    def outputs(self) -> list[Tensor]:
        """Of all parts."""
        with self.precision():
            return [part.clone() for part in self.parts()]

    def start(self) -> None:
        """Begin a round."""
        self.running = self.parts()
        self.clock.rounds.append([])

    @torch.inference_mode()
    def part(self) -> None:
        """Run the next part and take its time."""
        start = time.process_time()
        with self.precision():
            next(self.running)
        self.clock.rounds[-1].append(time.process_time() - start)

    def end(self) -> None:
        """Let go what a stream holds."""
        del self.running

    @torch.inference_mode()
    def peak(self) -> int:
        """Bytes of live tensors at their most, through all parts."""
        with self.precision():
            return peak_bytes(lambda: [None for _ in self.parts()], warm=True)


class Server:
    """Another commit of this project, in a process of its own, with the weights of this one's network."""

    def __init__(self, name: str, case: System, args: argparse.Namespace) -> None:
        self.clock, self.model = Clock(), model_of(name, args.plain, args.lite)
        self.folder = tempfile.TemporaryDirectory()
        weights = Path(self.folder.name, 'weights.pth')
        torch.save(self.model.state_dict(), weights)
        given = dict(name=name, frames=case.frames, size=case.size, objects=case.objects, weights=str(weights))
        given |= dict(lite=args.lite, threads=args.threads)
        self.process = subprocess.Popen(
            [sys.executable, __file__, '--serve', json.dumps(given), '--threads', str(args.threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=args.against,
            env={**os.environ, 'PYTHONPATH': str(args.against.resolve())},
        )  # fmt: skip

    def __enter__(self) -> 'Server':
        return self

    def __exit__(self, *raised: object) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait()
        self.folder.cleanup()

    def ask(self, word: str) -> str:
        """The answer to a word."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(word, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise SystemExit('the other checkout ended early')
        return answer

    def outputs(self) -> list[Tensor]:
        """Of all parts."""
        return torch.load(self.ask(str(Path(self.folder.name, 'outputs.pth'))))

    def start(self) -> None:
        """Begin a round."""
        self.ask('start')
        self.clock.rounds.append([])

    def part(self) -> None:
        """Run the next part."""
        self.clock.rounds[-1].append(float(self.ask('part')))

    def end(self) -> None:
        """Let go what a stream holds."""
        self.ask('end')

    def peak(self) -> int:
        """Bytes of live tensors at their most."""
        return int(self.ask('peak'))


def serve(given: dict) -> int:
    """Do what the other process asks for, with the commit that PYTHONPATH names."""
    model = model_of(given['name'], False, given['lite'])
    model.load_state_dict(torch.load(given['weights']))
    case = System(given['frames'], tuple(given['size']), objects=given['objects'])
    form = Local(parts_of(model, given['name'], case))
    for line in sys.stdin:
        word = line.strip()
        if word == 'part':
            form.part()
            answer: object = form.clock.rounds[-1][-1]
        elif word == 'peak':
            answer = form.peak()
        elif word in ('start', 'end'):
            getattr(form, word)()
            answer = word
        else:
            torch.save(form.outputs(), word)
            answer = word
        print(answer, flush=True)
    return 0


def images_of(case: System) -> Tensor:
    """Smooth random frames (T, 3, H, W) of unit size, which drift, so that a tracker has something to follow."""
    generator = torch.Generator().manual_seed(1)
    height, width = case.size
    coarse = torch.randn(1, 3, height // 16 + 2, width // 16 + 2, generator=generator)
    whole = F.interpolate(coarse, size=(height + 64, width + 64), mode='bicubic')
    places = [(2 * t % 64, 3 * t % 64) for t in range(case.frames)]
    return torch.cat([whole[..., y : y + height, x : x + width] for y, x in places]).contiguous().to(case.dtype)


def masks_of(case: System) -> Tensor:
    """Masks (K, H, W) of objects side by side in the first frame."""
    height, width = case.size
    masks = torch.zeros(case.objects, height, width, dtype=case.dtype)
    step = width // case.objects
    for k in range(case.objects):
        masks[k, height // 4 : height * 3 // 4, k * step + step // 4 : k * step + step * 3 // 4] = 1
    return masks


def model_of(name: str, plain: bool, lite: bool = False) -> nn.Module:
    """Our network with random weights."""
    options = ['model.learner=None'] if name == 'mask-guided-fcn' else []
    model = init_model(f'{name}-lite' if lite else name, device='cpu', options=options, pretrained=False)
    return model.to(memory_format=torch.contiguous_format) if plain else model


def parts_of(model: nn.Module, name: str, case: System) -> Parts:
    """How our network runs for a prediction."""
    frames = images_of(case)
    if case.objects:
        prompt = Prompt.from_masks(dict(enumerate(masks_of(case).bool(), 1)))

        def stream() -> Iterator[Tensor]:
            state = model.init_state()
            for t, frame in enumerate(frames):
                last = t == case.frames - 1
                yield model.step(frame, state, prompt if t == 0 else None, last=last).probability

        return stream

    inputs = FrameInputs(frames.unsqueeze(0))
    if name == 'mask-guided-fcn':
        inputs.guidance = torch.ones(1, 1, 1, *case.size)

    def once() -> Iterator[Tensor]:
        outputs = model.run_in_parts(inputs) if hasattr(model, 'run_in_parts') else model.run(inputs)[1]
        found = outputs['probability'] if 'probability' in outputs else torch.sigmoid(outputs['logits'])
        yield found.reshape(-1, 1, *case.size)

    return once


def against_authors(name: str, case: System, args: argparse.Namespace) -> tuple[Parts, Parts, Doubled]:
    """The authors' network and ours with its weights, and both in double precision."""
    import authors

    published = authors.network(name, args.reference)
    run = {'scwssod': _scwssod, 'dcfm': _dcfm, 'rcrnet-ner': _rcrnet, 'xmem': _xmem}[name]
    theirs = run(published, case)
    authors.take_statistics(published, lambda: list(itertools.islice(theirs(), 2)))
    model = model_of(name, args.plain)
    model.load_state_dict(authors.converted(name, published.state_dict()))
    if args.fold:
        # With --against this file runs on another commit too, which may not have it.
        from salseg.models.layers import fold_norms

        fold_norms(model)

    def doubled() -> tuple[Parts, Parts]:
        wide = replace(case, dtype=torch.float64)
        return run(copy.deepcopy(published).double(), wide), parts_of(copy.deepcopy(model).double(), name, wide)

    return theirs, parts_of(model, name, case), doubled


def _scwssod(network: nn.Module, case: System) -> Parts:
    images = images_of(case)

    def once() -> Iterator[Tensor]:
        yield torch.sigmoid(network(images, 'Test')[0])

    return once


def _dcfm(network: nn.Module, case: System) -> Parts:
    import authors

    images = images_of(case)

    def once() -> Iterator[Tensor]:
        with authors.on_cpu():
            yield torch.sigmoid(network(images, None)[-1])

    return once


def _rcrnet(network: nn.Module, case: System) -> Parts:
    frames = list(images_of(case).split(1))

    def once() -> Iterator[Tensor]:
        yield torch.cat([torch.sigmoid(prediction) for prediction in network(frames)])

    return once


def _xmem(network: nn.Module, case: System) -> Parts:
    import authors

    frames, masks = images_of(case), masks_of(case)

    def stream() -> Iterator[Tensor]:
        core = network.core(network, dict(authors.XMEM))
        core.set_all_labels(list(range(1, case.objects + 1)))
        for t, frame in enumerate(frames):
            given = (masks, list(range(1, case.objects + 1))) if t == 0 else (None, None)
            yield core.step(frame, *given, end=t == case.frames - 1)

    return stream


if __name__ == '__main__':
    sys.exit(main())
