"""What a large set costs on 1, 8 and 64 devices, computed from rates that were measured or are assumed.

    python benchmarks/speed/costs.py [--rate ITEMS_PER_SECOND] [--loader ITEMS_PER_SECOND_AND_CORE] [--efficiency 0.9]

Predictions do not depend on each other, so time is items / (rate x devices x efficiency). By default the rate of a device is
the paper's, which nobody measured here, and the rate of a core that loads is the one of `loader_throughput.py`, from a 2-core
CPU; the efficiency is assumed. Give rates of your own device from `performance.py` to replace both.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

DEVICES = (1, 8, 64)


@dataclass(frozen=True)
class Job:
    """Items to predict, items per second of a device, and of a core that loads them."""

    name: str
    items: int
    rate: float
    loader: float

    def hours(self, devices: int, efficiency: float) -> float:
        """Of all devices together, side by side."""
        return self.items / (self.rate * devices * efficiency) / 3600

    def cores(self) -> float:
        """Cores that load, for each device."""
        return self.rate / self.loader


# Rates of devices, from the papers: SCWSSOD about 40 images a second on an RTX 2080 Ti, XMem 22.6 frames a second on
# DAVIS 2017. Taken as 135 frames, 4.5 seconds of 30, is a video of YouTube-VOS. Of loading, training pipelines were
# measured (DUTS; stage 1 of XMem), which do more than those of a prediction.
SCWSSOD, XMEM = 40.0, 22.6
JOBS = (
    Job('DUTS, 10,000 images, SCWSSOD', 10_000, SCWSSOD, 456.2),
    Job('YouTube-VOS, 3,500 videos of 135 frames, XMem', 3_500 * 135, XMEM, 155.5),
    Job('10,000,000 images, SCWSSOD', 10_000_000, SCWSSOD, 456.2),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rate', type=float, help='items per second of a device, for all rows')
    parser.add_argument('--loader', type=float, help='items per second of a core that loads, for all rows')
    parser.add_argument('--efficiency', type=float, default=0.9, help='of several devices, beside as many times one')
    args = parser.parse_args(arguments)
    print('| set | ' + ' | '.join(f'hours on {n}' for n in DEVICES) + ' | device hours | loading cores per device |')
    print('|---' * (len(DEVICES) + 3) + '|')
    for job in JOBS:
        used = Job(job.name, job.items, args.rate or job.rate, args.loader or job.loader)
        hours = [used.hours(n, 1.0 if n == 1 else args.efficiency) for n in DEVICES]
        cells = [f'{value:.2f}' for value in hours] + [f'{hours[0]:.1f}', f'{used.cores():.2f}']
        print(f'| {used.name} | ' + ' | '.join(cells) + ' |')
    return 0


if __name__ == '__main__':
    sys.exit(main())
