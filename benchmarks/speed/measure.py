"""How the speed benchmarks measure: variants take turns in one process, and the best of each counts.

Other work on the machine then disturbs all variants alike, and only ratios are reported as results. A script that
compares a published form with ours in several cases begins with `begin`, which reads its command line, makes each case
with `compared`, hands it with its bars to the `Report`, and ends with the report's status.
"""

import argparse
import ctypes
import gc
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.autograd.profiler import profile


@dataclass
class Case:
    """What one case of a benchmark gave.

    Attributes:
        name: The case.
        plain_ms: Best time of the published form.
        ours_ms: Best time of ours.
        plain_bytes: Peak of live tensors allocated inside one call.
        ours_bytes: The same of ours.
        error: Largest difference found, as the benchmark defines it.
    """

    name: str
    plain_ms: float
    ours_ms: float
    plain_bytes: int
    ours_bytes: int
    error: float

    @property
    def speedup(self) -> float:
        """Times faster than the published form."""
        return self.plain_ms / self.ours_ms

    @property
    def memory_ratio(self) -> float:
        """Times less memory than the published form."""
        return self.plain_bytes / self.ours_bytes

    def line(self) -> str:
        """One row of the report."""
        return (
            f'{self.name:>10}  {self.plain_ms:8.2f} ms  {self.ours_ms:8.2f} ms  {self.speedup:6.1f}x   '
            f'{self.plain_bytes / 1e6:8.2f} MB  {self.ours_bytes / 1e6:6.2f} MB  {self.memory_ratio:6.1f}x   '
            f'{self.error:.1e}'
        )

    def json(self) -> str:
        """One line for machines."""
        return json.dumps({**asdict(self), 'speedup': self.speedup, 'memory_ratio': self.memory_ratio})


HEADER = f'{"case":>10}  {"plain":>11}  {"ours":>11}  {"faster":>7}   {"plain":>11}  {"ours":>9}  {"less":>7}   error'


class Report:
    """Prints cases as they come, and collects the bars that were missed."""

    def __init__(self, as_json: bool) -> None:
        self.as_json, self.missed = as_json, []
        if not as_json:
            print(HEADER)

    def add(self, case: Case, bars: Mapping[str, bool]) -> None:
        """Print a case, and keep which of its bars do not hold.

        Args:
            case: The case.
            bars: Whether each bar holds, by what it asks for, as in "2x faster".
        """
        print(case.json() if self.as_json else case.line(), flush=True)
        self.missed += [f'{case.name}: not {what}' for what, holds in bars.items() if not holds]

    def status(self) -> int:
        """Exit status: 0, or 1 after the missed bars were written to standard error."""
        for missed in self.missed:
            print(missed, file=sys.stderr)
        return 1 if self.missed else 0


def begin(doc: str, quick: str, given: Sequence[str] | None = None) -> tuple[bool, Report]:
    """Read the command line of a script that prints cases, and time on one thread from here on.

    Args:
        doc: The script's docstring; its first line is shown as help.
        quick: What ``--quick`` means in this script.
        given: The words of the command line, those of the process by default.

    Returns:
        Whether it shall be quick, and where the cases go.
    """
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument('--quick', action='store_true', help=quick)
    parser.add_argument('--json', action='store_true', help='a line of JSON for each case instead of a table')
    args = parser.parse_args(given)
    use_one_thread()
    return args.quick, Report(args.json)


def compared(name: str, plain: Callable[[], object], ours: Callable[[], object], rounds: int, error: float) -> Case:
    """The case of two forms whose results were compared before: their best times, then their memory."""
    times = best_times(dict(plain=plain, ours=ours), rounds)
    return Case(name, times['plain'], times['ours'], peak_bytes(plain), peak_bytes(ours), error)


def largest_difference(first: Sequence[Tensor], second: Sequence[Tensor]) -> float:
    """Largest difference of paired tensors, each as a fraction of the first one's largest magnitude; NaN if one is."""
    return torch.stack([(a - b).abs().max() / a.abs().max() for a, b in zip(first, second, strict=True)]).max().item()


def best_times(variants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Shortest time of each variant in milliseconds; they are called in turn, after one call each to warm up."""
    best = dict.fromkeys(variants, float('inf'))
    for call in variants.values():
        call()
    for _ in range(rounds):
        for name, call in variants.items():
            start = time.perf_counter()
            call()
            best[name] = min(best[name], (time.perf_counter() - start) * 1e3)
    return best


def peak_bytes(call: Callable[[], object], warm: bool = False) -> int:
    """Largest sum of live bytes of tensors that a call allocates on the CPU, from the profiler's memory events.

    It is called once before, unless it is ``warm`` already.
    """
    if not warm:
        call()
    with profile(use_cpu=True, profile_memory=True) as profiler:
        result = call()
    del result
    events = [event for event in profiler.kineto_results.events() if event.name() == '[memory]']
    live = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    return peak


def resident_mb() -> float:
    """Memory of this process that is in RAM, in 1e6 bytes, after the allocator gave back what is free (glibc)."""
    gc.collect(0)
    if sys.platform == 'linux':
        ctypes.CDLL(None).malloc_trim(0)
    lines = Path('/proc/self/status').read_text(encoding='ascii').splitlines()
    return float(next(line for line in lines if line.startswith('VmRSS')).split()[1]) * 1024 / 1e6


def use_one_thread() -> None:
    """Time on one thread, as a training worker beside others has it."""
    torch.set_num_threads(1)
