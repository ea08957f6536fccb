"""Attention over the positions of a clip, and RCRNet+NER as a whole: reassociated against plain.

    python benchmarks/speed/temporal_attention.py [--quick]

NER's non-local block on four frames of 448x448 (3,136 positions) and the self-attention of the contrastive network on
one (3,136 positions of 256 channels) are compared with the published order of products, which writes out all pairs:
equal to 1e-4 of the largest value, three times faster. Then the same clip goes through the whole of RCRNet+NER, with the
recurrent unit step by step, all pairs, and the classifier on all frames at once in the plain form: the same logits, no
slower; peak memory is printed. A pass through the whole takes many seconds, so it is timed in few rounds. Exits with 1 if
a bar is missed; `--quick` has a small network input and checks no time.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from measure import Case, begin, compared, largest_difference, peak_bytes
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.rcrnet.refinement_head import RefinementHead
from salseg.models import SaliencySegmentor
from salseg.models.backbones import Encoder, ResNet
from salseg.models.matchers import NER, ConvGRU, NonLocalBlock
from salseg.models.necks import ASPP
from salseg.ops import linear_non_local
from salseg.structures import FrameInputs

FRAMES, STRIDE = 4, 16
TOLERANCE, FASTER = 1e-4, 3.0
# Sums over 50 layers round differently.
WHOLE_TOLERANCE, NO_SLOWER = 1e-3, 1.0


def plain_block(block: NonLocalBlock, x: Tensor) -> Tensor:
    """The published form: 3-D convolutions, all pairs of positions, then the values."""
    volume = x.transpose(1, 2)
    theta, phi, g = (layer(volume).flatten(2) for layer in (block.theta, block.phi, block.g))
    affinity = theta.transpose(1, 2) @ phi / theta.shape[-1]
    response = (affinity @ g.transpose(1, 2)).transpose(1, 2).unflatten(2, volume.shape[2:])
    return (block.expand(response) + volume).transpose(1, 2)


def plain_gru(gru: ConvGRU, x: Tensor, state: Tensor, reverse: bool = False) -> Tensor:
    """Three convolutions of input and state together, at every step."""
    states = [x.new_empty(0)] * x.shape[1]
    for t in range(x.shape[1])[:: -1 if reverse else 1]:
        both = torch.cat([x[:, t], state], dim=1)
        reset, update = torch.sigmoid(gru.reset_gate(both)), torch.sigmoid(gru.update_gate(both))
        candidate = torch.tanh(gru.output_gate(torch.cat([x[:, t], reset * state], dim=1)))
        state = states[t] = (1 - update) * candidate + update * state
    return torch.stack(states, dim=1)


def plain_forward(model: SaliencySegmentor, frames: Tensor) -> Tensor:
    """The whole network as published, on (B, T, 3, H, W)."""
    *finer, x = model.extract(FrameInputs(frames))
    ner, head = model.matcher, model.head
    x = plain_block(ner.first, x)
    forward = plain_gru(ner.forward_gru, x, x[:, 0])
    backward = plain_gru(ner.backward_gru, forward, forward[:, -1], reverse=True)
    joined = torch.cat([forward, backward], dim=2).flatten(0, 1)
    x = plain_block(ner.second, torch.tanh(ner.fuse(joined)).unflatten(0, x.shape[:2])).flatten(0, 1)
    levels = [level.flatten(0, 1) for level in finer]
    for refine, level in zip(head.refine, reversed(levels)):
        x = refine(x, level)
    return head._classify(x, tuple(frames.shape[-2:])).unflatten(0, frames.shape[:2])


def block_case(size: int, rounds: int) -> Case:
    """NER's non-local block on a clip."""
    block = NonLocalBlock(256)
    torch.nn.init.normal_(block.expand.weight, std=0.05)
    clip = torch.randn(1, FRAMES, 256, size // STRIDE, size // STRIDE)
    error = largest_difference([plain_block(block, clip)], [block(clip)])
    return compared('non-local', lambda: plain_block(block, clip), lambda: block(clip), rounds, error)


def self_case(size: int, rounds: int) -> Case:
    """Self-attention of one frame at stride 8."""
    rows = torch.randn(1, (size // 8) ** 2, 256)

    def plain() -> Tensor:
        return (rows @ rows.transpose(1, 2) / rows.shape[1]) @ rows

    def ours() -> Tensor:
        return linear_non_local(rows, rows, rows)

    return compared('self', plain, ours, rounds, largest_difference([plain()], [ours()]))


def whole_case(size: int, rounds: int) -> Case:
    """RCRNet+NER on a clip of four frames."""
    torch.manual_seed(0)
    neck = ASPP(2048, rates=(6, 12, 18), project_kernel=3, pool_first=True)
    model = SaliencySegmentor(Encoder(ResNet(50, output_stride=16), neck), RefinementHead(), matcher=NER()).eval()
    frames = torch.randn(1, FRAMES, 3, size, size)
    forms = dict(plain=lambda: plain_forward(model, frames), ours=lambda: model.run(FrameInputs(frames))[1]['logits'])
    error = largest_difference([forms['plain']()], [forms['ours']()])
    best = dict.fromkeys(forms, float('inf'))
    for _ in range(rounds):
        for name, call in forms.items():
            start = time.perf_counter()
            call()
            best[name] = min(best[name], (time.perf_counter() - start) * 1e3)
    memory = [peak_bytes(already_warm(call)) for call in forms.values()]
    return Case('RCRNet+NER', best['plain'], best['ours'], *memory, error)


def already_warm(call: Callable[[], Tensor]) -> Callable[[], Tensor | None]:
    """Without the pass that `peak_bytes` makes first to warm up."""
    calls = iter((lambda: None, call))
    return lambda: next(calls)()


@torch.no_grad()
def main(given: Sequence[str] | None = None) -> int:
    """Print the table; 0 if all bars hold."""
    quick, report = begin(__doc__, 'few rounds, a small network input, no bar on time', given)
    torch.manual_seed(0)
    size, rounds = (64, 1) if quick else (448, 5)
    for make, tolerance, faster in (
        (lambda: block_case(size, rounds), TOLERANCE, FASTER),
        (lambda: self_case(size, rounds), TOLERANCE, FASTER),
        (lambda: whole_case(size, min(rounds, 2)), WHOLE_TOLERANCE, NO_SLOWER),
    ):
        case = make()
        bars = {
            f'equal to {tolerance:g}': case.error <= tolerance,
            f'{faster:g}x faster': quick or case.speedup >= faster,
        }
        report.add(case, bars)
    return report.status()


if __name__ == '__main__':
    sys.exit(main())
