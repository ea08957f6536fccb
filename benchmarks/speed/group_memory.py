"""Memory and time of a group (DCFM): seeds and responses in blocks, and the whole model image by image.

    python benchmarks/speed/group_memory.py [--quick]

Seeds and responses of 5, 20 and 60 images of 224x224 (14x14 positions, 512 channels) are compared with the published
form, which writes out all similarities: equal to 1e-6, a budget of bytes for each block, at 60 images an eighth of
the buffers or less in at most 1.3 times the time. Features, queries and keys exist in both and are not counted. Then 20
images go through the whole network in one piece and one by one: the same logits, half the memory or less. The logits
are compared twice. In float64, on smaller images, they are equal to 1e-12: it is the same computation. In float32 they
are equal to 1e-5: at some sizes the convolution library takes another algorithm for many images than for one, whose
sums are in another order (differences of a few 1e-6 at 64 and 112 pixels, none at 224). Exits with 1 if a bar is missed;
`--quick` has few rounds, a small network input, and checks no time.
"""

import sys
import time
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from measure import Case, begin, compared, largest_difference, peak_bytes
from torch import Tensor

from salseg.models.backbones import VGG16
from salseg.models.heads import LateralPyramidHead
from salseg.models.matchers import DemocraticPrototype
from salseg.models.necks import DemocraticEnhancement
from salseg.models.segmentors import GroupSegmentor
from salseg.ops import mean_response, seed_logits, seed_vectors, select_seeds, stretch
from salseg.structures import FrameInputs

CHANNELS, POSITIONS = 512, 196
TOLERANCE = 1e-6
ROUNDING, EXACT = 1e-5, 1e-12
BUDGET = 32 * 2**20
LARGE, LESS_BUFFERS, TIME = 60, 8.0, 1.3
WHOLE, LESS_MEMORY = 20, 2.0

Parts = tuple[Tensor, Tensor, Tensor]


def sample(images: int) -> Parts:
    """Queries and keys (N, P, C), unit features (N, C, P), with directions in common as features of a group have."""
    generator = torch.Generator().manual_seed(images)
    common = torch.randn(8, CHANNELS, generator=generator)
    share = torch.rand(images, POSITIONS, 8, generator=generator)
    features = share @ common + 0.5 * torch.randn(images, POSITIONS, CHANNELS, generator=generator)
    layers = (torch.randn(CHANNELS, CHANNELS, generator=generator) / CHANNELS**0.5 for _ in range(2))
    queries, keys = (features @ layer for layer in layers)
    return queries, keys, F.normalize(features.transpose(1, 2), dim=1).contiguous()


def plain(queries: Tensor, keys: Tensor, unit: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The published form: all similarities at once. Gives logits, chosen positions and the stretched response."""
    images = len(queries)
    # Scaled in place; the published code holds a second copy of this matrix for a moment.
    similarity = (queries.flatten(0, 1) @ keys.flatten(0, 1).t()).mul_(1 / CHANNELS**0.5)
    logits = similarity.view(-1, images, POSITIONS).amax(2).mean(1).view(images, POSITIONS)
    del similarity
    probability = logits.softmax(1)
    chosen = probability == probability.amax(1, keepdim=True)
    seeds = torch.einsum('ncp,np->nc', unit, chosen.float())
    correlation = torch.einsum('sc,ncp->nsp', seeds, unit).relu()
    return logits, chosen, stretch(correlation.mean(1))


def ours(queries: Tensor, keys: Tensor, unit: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Block by block."""
    logits = seed_logits(queries, keys, BUDGET)
    chosen = select_seeds(logits, 'sum')
    return logits, chosen, stretch(mean_response(unit, seed_vectors(unit, chosen), True, BUDGET))


@torch.no_grad()
def seeds_and_responses(images: int, rounds: int) -> Case:
    """Compare, time and weigh one size of group."""
    parts = sample(images)
    first, second = plain(*parts), ours(*parts)
    same_seeds = torch.equal(first[1], second[1])
    error = largest_difference(first[::2], second[::2]) if same_seeds else float('inf')
    return compared(f'{images} seeds', lambda: plain(*parts), lambda: ours(*parts), rounds, error)


@torch.no_grad()
def whole_model(images: int, size: int, dtype: torch.dtype = torch.float32) -> Case:
    """The network on a group in one piece and image by image."""
    torch.manual_seed(0)
    parts = VGG16(), LateralPyramidHead(), DemocraticEnhancement(), DemocraticPrototype()
    # Least memory: 20 images would still be kept whole by default.
    model = GroupSegmentor(*parts, keep='matched').eval()
    # At their random start the values of the last layers are too large for a comparison to mean anything.
    model.neck.value[1].weight.mul_(1e-6)
    model.to(dtype)
    inputs = FrameInputs(torch.randn(1, images, 3, size, size).to(dtype))
    forms = dict(plain=lambda: model(inputs)['logits'][0], ours=lambda: model.run_in_parts(inputs)['logits'])
    runs = {name: Timed(form) for name, form in forms.items()}
    memory = [peak_bytes(run) for run in runs.values()]
    plainly, parted = runs.values()
    name = f'{images} whole' if dtype == torch.float32 else f'{images} float64'
    error = largest_difference([plainly.result], [parted.result])
    return Case(name, plainly.best_ms, parted.best_ms, *memory, error)


class Timed:
    """A call that remembers its result and shortest time, for calls too long to be made just for that."""

    def __init__(self, call: Callable[[], Tensor]) -> None:
        self.call = call
        self.best_ms = float('inf')

    def __call__(self) -> None:
        """Call."""
        start = time.perf_counter()
        self.result = self.call()
        self.best_ms = min(self.best_ms, (time.perf_counter() - start) * 1e3)


def main(given: Sequence[str] | None = None) -> int:
    """Print the table; 0 if all bars hold."""
    quick, report = begin(__doc__, 'few rounds, a small network input, no bar on time', given)
    for images in (5, 20, LARGE):
        case = seeds_and_responses(images, 1 if quick else 5)
        bars = {f'equal to {TOLERANCE:g}': case.error <= TOLERANCE}
        if images == LARGE:
            bars[f'{LESS_BUFFERS:g}x less buffers'] = case.memory_ratio >= LESS_BUFFERS
            bars[f'at most {TIME:g}x the time'] = quick or case.speedup >= 1 / TIME
        report.add(case, bars)
    whole = whole_model(WHOLE, 64 if quick else 224)
    bars = {
        f'equal to {ROUNDING:g}': whole.error <= ROUNDING,
        f'{LESS_MEMORY:g}x less memory': whole.memory_ratio >= LESS_MEMORY,
    }
    report.add(whole, bars)
    double = whole_model(WHOLE, 64, torch.float64)
    report.add(double, {f'equal to {EXACT:g}': double.error <= EXACT})
    return report.status()


if __name__ == '__main__':
    sys.exit(main())
