"""XMem's memory read-out at inference: augmented keys, row-wise top-k and a gather against the published dense form.

    python benchmarks/speed/memory_readout.py [--quick]

Read-outs and usage are compared first, then timed. Exits with 1 if they differ by more than 1e-9 of their largest
magnitude in float64 or a bar is missed; `--quick` has the smallest case and checks no time.
"""

import math
import sys
from collections.abc import Sequence

import torch
from measure import Case, begin, compared, largest_difference
from torch import Tensor

from salseg.models.matchers import MemoryReader
from salseg.ops import augment_keys

QUERIES, KEY, VALUE, TOP_K, TOLERANCE = 30 * 54, 64, 512, 30, 1e-9
# Rows of the memory, objects, times faster that are requested, rounds.
CASES = (
    (1620, 1, 2.5, 12),
    (8100, 1, 5.0, 6),
    (16200, 1, 5.0, 4),
    (1620, 5, 6.0, 6),
    (8100, 5, 6.0, 3),
    (16200, 5, 6.0, 2),
)


class Sample:
    """A memory and a query in both layouts."""

    def __init__(self, rows: int, objects: int, dtype: torch.dtype = torch.float32) -> None:
        generator = torch.Generator().manual_seed(rows + objects)

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator).to(dtype)

        self.keys, self.query = normal(rows, KEY), normal(QUERIES, KEY)
        self.shrinkage = 1 + normal(rows).square()
        self.selection = torch.sigmoid(normal(QUERIES, KEY))
        self.values = normal(rows, objects * VALUE)
        # The published layout has positions last; the memory of either form is ready in its own.
        self.columns = tuple(x.T.contiguous() for x in (self.keys, self.query, self.selection, self.values))
        self.augmented = augment_keys(self.keys, self.shrinkage)
        self.reader = MemoryReader(TOP_K)


def plain(sample: Sample) -> tuple[Tensor, Tensor]:
    """The published form: three terms, top-k down the columns, a dense affinity, a product with all values."""
    keys, query, selection, values = sample.columns
    square = keys.square().T @ selection
    mixed = 2 * (keys.T @ (query * selection))
    own = (selection * query.square()).sum(0, keepdim=True)
    similarity = (mixed - square - own) * (sample.shrinkage / math.sqrt(KEY)).unsqueeze(1)
    top, index = torch.topk(similarity, TOP_K, dim=0)
    weights = top.exp_()
    weights /= weights.sum(0, keepdim=True)
    affinity = torch.zeros_like(similarity).scatter_(0, index, weights)
    return values @ affinity, affinity.sum(1)


def ours(sample: Sample) -> tuple[Tensor, Tensor]:
    """Ours; the augmented keys are kept with the memory."""
    (readout,), usage = sample.reader.read(
        sample.augmented, sample.query, sample.selection, [(None, sample.values)], [True]
    )
    return readout.T, usage


def difference(sample: Sample) -> float:
    """Largest difference of read-out and usage, relative to the largest magnitude of each.

    In float64: in float32 rounding alone decides which of two almost equal rows is the last of the k.
    """
    return largest_difference(plain(sample), ours(sample))


def run(rows: int, objects: int, rounds: int) -> Case:
    """Compare, time and weigh one size."""
    sample = Sample(rows, objects)
    error = difference(Sample(rows, 1, torch.float64))
    return compared(f'{rows}x{objects}', lambda: plain(sample), lambda: ours(sample), rounds, error)


@torch.no_grad()
def main(given: Sequence[str] | None = None) -> int:
    """Print the table; 0 if all bars hold."""
    quick, report = begin(__doc__, 'the smallest case, one round, no bar on time', given)
    for rows, objects, speedup, rounds in CASES[:1] if quick else CASES:
        case = run(rows, objects, 1 if quick else rounds)
        bars = {
            f'equal to {TOLERANCE:g}': case.error <= TOLERANCE,
            f'{speedup:g}x faster': quick or case.speedup >= speedup,
        }
        report.add(case, bars)
    return report.status()


if __name__ == '__main__':
    sys.exit(main())
