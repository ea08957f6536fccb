"""Draw values of training logs over steps, and tell how long a step took.

    python tools/analysis_tools/analyze_logs.py work_dirs/a [work_dirs/b ...] --keys loss lr --out logs.png

A run is a folder of mmengine, of which all `*/vis_data/*.json` scalars count (a resumed run has several; where steps
overlap the newest counts), or such a file. Without --keys the names of all values are listed.
"""

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from salseg.errors import DataError, SalsegError
from salseg.visualization.report.plots import new_figure, save_figure, style_of

Series = dict[str, dict[int, float]]


def read_run(path: Path) -> Series:
    """By key, values by step.

    Raises:
        DataError: There is no log, or nothing in it.
    """
    files = [path] if path.is_file() else sorted(path.glob('*/vis_data/*.json')) + sorted(path.glob('vis_data/*.json'))
    series: Series = defaultdict(dict)
    for file in files:
        for line in file.read_text(encoding='utf-8').splitlines():
            for key, step, value in _values(line):
                series[key][step] = value
    if not series:
        raise DataError(f'{path} holds no scalars: looked for lines of JSON with "step" in {len(files)} files *.json '
                        'below vis_data/.')  # fmt: skip
    return dict(series)


def _values(line: str) -> list[tuple[str, int, float]]:
    try:
        content = json.loads(line)
    except ValueError:
        # The last line of a killed run may be cut.
        return []
    if not isinstance(content, dict) or 'step' not in content:
        return []
    step = int(content['step'])
    return [(k, step, float(v)) for k, v in content.items() if k != 'step' and isinstance(v, int | float)]


def smoothed(values: np.ndarray, window: int) -> np.ndarray:
    """Running mean over the last `window` values, fewer at the start."""
    if window <= 1:
        return values
    sums = np.cumsum(np.concatenate(([0.0], values)))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - window, 0)
    return (sums[ends] - sums[starts]) / (ends - starts)


def draw(runs: dict[str, Series], keys: list[str], path: Path, window: int) -> Path:
    """A panel per key, a line per run.

    Raises:
        DataError: No run has a key.
    """
    figure, panels = new_figure(len(keys), 7.2, 1.0 + 2.2 * len(keys))
    for axes, key in zip(panels, keys):
        if not any(key in series for series in runs.values()):
            known = sorted({name for series in runs.values() for name in series})
            raise DataError(f'no run logged {key!r}; there are {", ".join(known)}.')
        for number, (name, series) in enumerate(runs.items()):
            if key in series:
                steps = np.array(sorted(series[key]))
                values = np.array([series[key][s] for s in steps])
                axes.plot(steps, smoothed(values, window), label=name, **style_of(number))
        axes.set_ylabel(key)
        axes.grid(alpha=0.3)
    panels[0].legend(fontsize=8)
    panels[-1].set_xlabel('step')
    return save_figure(figure, path)


def main(arguments: list[str] | None = None) -> int:
    """Analyse."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('runs', nargs='+', metavar='RUN', help='folders of runs, or files of scalars')
    parser.add_argument('--keys', nargs='+', metavar='KEY', help='values to draw')
    parser.add_argument('--smooth', type=int, default=1, metavar='N', help='running mean over N logged values')
    parser.add_argument('--out', default='logs.png', metavar='FILE')
    args = parser.parse_args(arguments)
    try:
        runs = {text: read_run(Path(text)) for text in args.runs}
        for name, series in runs.items():
            steps = max(max(values) for values in series.values())
            times = np.array(list(series.get('time', {}).values()))
            speed = f', {np.median(times) * 1e3:.0f} ms per step (median)' if len(times) else ''
            print(f'{name}: {steps} steps{speed}')
            if not args.keys:
                print('  ' + ' '.join(sorted(series)))
        if args.keys:
            print(draw(runs, args.keys, Path(args.out), args.smooth))
    except SalsegError as error:
        sys.stderr.write(f'{error}\n')
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
