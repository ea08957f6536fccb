"""Metrics of one image: salseg against pysodmetrics and against a plain form of the DAVIS 2017 code.

    python benchmarks/speed/metrics.py [--quick] [--reference FOLDER]

Values are compared first; a difference above the tolerance ends the run with 1. Then all variants run in turn in one
process on one thread, and the best time of each counts. Exits with 1 if a bar is missed; `--quick` has few rounds and
checks no time. `--reference` names a checkout of github.com/davisvideochallenge/davis2017-evaluation to compare with
instead of the plain form. pysodmetrics needs an environment of its own: where it is absent, its part says how to make
one.
"""

import argparse
import math
import os
import sys
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from salseg.evaluation.functional import mask_scores, saliency_scores

SIZES = ((480, 640), (480, 854))
TOLERANCE = 1e-6
NO_PYSODMETRICS = (
    'pysodmetrics is not installed here; it asks for another OpenCV distribution than salseg, so make an environment '
    'for it (python -m venv pysod && pysod/bin/pip install pysodmetrics opencv-python-headless pillow) and run this '
    'script with pysod/bin/python.'
)
# What is timed together, the metrics of salseg and the classes of pysodmetrics, and how many times faster it must be.
GROUPS = (
    ('F + E + S + MAE', ('f', 'e', 's', 'mae'), ('Fmeasure', 'Emeasure', 'Smeasure', 'MAE'), 7.0),
    ('weighted F', ('weighted_f',), ('WeightedFmeasure',), 2.0),
    (
        'all five',
        ('f', 'e', 's', 'mae', 'weighted_f'),
        ('Fmeasure', 'Emeasure', 'Smeasure', 'MAE', 'WeightedFmeasure'),
        3.0,
    ),
)
DAVIS_BAR = 1.5

Variant = Callable[[], object]


def image(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A saliency map with soft edges and faint clutter, and its ground truth: uint8."""
    y, x = np.mgrid[:height, :width] / np.array([height, width])[:, None, None]
    truth = ((y - 0.5) / 0.3) ** 2 + ((x - 0.55) / 0.22) ** 2 < 1
    truth |= ((y - 0.3) / 0.12) ** 2 + ((x - 0.25) / 0.1) ** 2 < 1
    clutter = np.random.default_rng(0).random((height, width)).astype(np.float32)
    soft = cv2.GaussianBlur(np.roll(truth, 6, axis=1).astype(np.float32), (0, 0), 9)
    soft += 0.05 * cv2.GaussianBlur(clutter, (0, 0), 3)
    return np.clip(230 * soft, 0, 255).astype(np.uint8), 255 * truth.astype(np.uint8)


def masks(height: int, width: int, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """A round object and a prediction that is shifted and bitten: bool."""
    y, x = np.mgrid[:height, :width]
    truth = (y - 0.5 * height) ** 2 + (x - 0.55 * width) ** 2 < (radius * height) ** 2
    bite = (y - 0.5 * height) ** 2 + (x - 0.6 * width) ** 2 < (radius * height / 3) ** 2
    return np.roll(truth, 7, axis=1) & ~bite, truth


def best_times(variants: dict[str, Variant], rounds: int) -> dict[str, float]:
    """Milliseconds of the fastest of several calls, variants in turn."""
    times = dict.fromkeys(variants, math.inf)
    for _ in range(rounds):
        for name, run in variants.items():
            begin = time.perf_counter()
            run()
            times[name] = min(times[name], 1e3 * (time.perf_counter() - begin))
    return times


def reference_scores(names: tuple[str, ...], prediction: np.ndarray, truth: np.ndarray) -> dict[str, dict]:
    """Results of classes of pysodmetrics by name."""
    import py_sod_metrics

    results = {}
    for name in names:
        measure = getattr(py_sod_metrics, name)()
        measure.step(pred=prediction, gt=truth)
        results[name] = measure.get_results()
    return results


def differences(prediction: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Largest difference of each measure from pysodmetrics."""
    ours = saliency_scores(prediction, truth)
    theirs = reference_scores(GROUPS[-1][2], prediction, truth)
    pairs = {
        'F curve': (ours['f_curve'], theirs['Fmeasure']['fm']['curve']),
        'precision': (ours['precision_curve'], theirs['Fmeasure']['pr']['p']),
        'recall': (ours['recall_curve'], theirs['Fmeasure']['pr']['r']),
        'adaptive F': (ours['adaptive_f'], theirs['Fmeasure']['fm']['adp']),
        'E curve': (ours['e_curve'], theirs['Emeasure']['em']['curve']),
        'adaptive E': (ours['adaptive_e'], theirs['Emeasure']['em']['adp']),
        'S': (ours['s_measure'], theirs['Smeasure']['sm']),
        'MAE': (ours['mae'], theirs['MAE']['mae']),
        'weighted F': (ours['weighted_f'], theirs['WeightedFmeasure']['wfm']),
    }
    return {name: float(np.max(np.abs(np.subtract(*pair)))) for name, pair in pairs.items()}


def compare_saliency(rounds: int) -> list[str]:
    """Print differences and ratios; return what is wrong with them."""
    if find_spec('py_sod_metrics') is None:
        print(NO_PYSODMETRICS)
        return []
    # The class for F alone announces its removal; its successor computes more and takes longer.
    warnings.filterwarnings('ignore', category=UserWarning)
    problems = []
    for size in SIZES:
        sample = image(*size)
        found = differences(*sample)
        print(
            f'\n{size[0]} x {size[1]}, largest difference: '
            + ', '.join(f'{name} {value:.1e}' for name, value in found.items())
        )
        problems += [f'{name} differs by {value:.1e}' for name, value in found.items() if not value <= TOLERANCE]
        for title, metrics, classes, bar in GROUPS:
            times = best_times(
                {
                    'salseg': lambda m=metrics, s=sample: saliency_scores(*s, metrics=m),
                    'pysodmetrics': lambda c=classes, s=sample: reference_scores(c, *s),
                },
                rounds,
            )
            problems += report(title, times, 'pysodmetrics', bar)
    return problems


def plain_davis(prediction: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """J and F as the DAVIS 2017 code computes them: whole images, dilation with a disk."""
    union = np.sum(prediction | truth)
    region = np.sum(prediction & truth) / union if union else 1.0
    radius = math.ceil(0.008 * np.linalg.norm(truth.shape))
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    disk = (rows**2 + columns**2 <= radius**2).astype(np.uint8)
    ours, theirs = plain_boundary(prediction), plain_boundary(truth)
    near_ours, near_theirs = (cv2.dilate(line.astype(np.uint8), disk) for line in (ours, theirs))
    if not ours.any() or not theirs.any():
        return region, float(ours.any() == theirs.any())
    precision = np.sum(ours * near_theirs) / np.sum(ours)
    recall = np.sum(theirs * near_ours) / np.sum(theirs)
    return region, 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def plain_boundary(mask: np.ndarray) -> np.ndarray:
    right, below, diagonal = (np.zeros_like(mask) for _ in range(3))
    right[:, :-1], below[:-1], diagonal[:-1, :-1] = mask[:, 1:], mask[1:], mask[1:, 1:]
    line = mask ^ right | mask ^ below | mask ^ diagonal
    line[-1], line[:, -1] = mask[-1] ^ right[-1], mask[:, -1] ^ below[:, -1]
    line[-1, -1] = False
    return line


def davis_code(folder: Path | None) -> tuple[str, Callable[[np.ndarray, np.ndarray], tuple[float, float]]]:
    """What J and F are compared with, and its name."""
    if folder is None:
        return 'plain DAVIS form', plain_davis
    if not (folder / 'davis2017' / 'metrics.py').is_file():
        sys.exit(f'{folder} has no davis2017/metrics.py; --reference names a checkout of davis2017-evaluation.')
    sys.path.insert(0, str(folder))
    from davis2017.metrics import db_eval_boundary, db_eval_iou

    def original(prediction: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
        return db_eval_iou(truth, prediction), db_eval_boundary(truth, prediction)

    return 'DAVIS 2017 code', original


def compare_davis(rounds: int, folder: Path | None) -> list[str]:
    """Print differences and ratios; return what is wrong with them."""
    name, reference = davis_code(folder)
    problems = []
    for radius in (0.1, 0.2, 0.35):
        sample = masks(*SIZES[1], radius)
        difference = float(np.max(np.abs(np.subtract(mask_scores(*sample), reference(*sample)))))
        print(
            f'\n{SIZES[1][0]} x {SIZES[1][1]}, object of {np.mean(sample[1]):.0%}, largest difference: '
            f'J and F {difference:.1e}'
        )
        if not difference <= TOLERANCE:
            problems.append(f'J or F differs by {difference:.1e}')
        times = best_times({'salseg': lambda s=sample: mask_scores(*s), name: lambda s=sample: reference(*s)}, rounds)
        problems += report('J + F', times, name, DAVIS_BAR)
    return problems


def report(title: str, times: dict[str, float], reference: str, bar: float) -> list[str]:
    """Print one line; return the bar if it was missed."""
    ratio = times[reference] / times['salseg']
    print(
        f'  {title:16} salseg {times["salseg"]:7.2f} ms   {reference} {times[reference]:7.2f} ms   '
        f'{ratio:5.1f} times faster (required {bar:g})'
    )
    return [] if ratio >= bar else [f'{title} is {ratio:.1f} times faster, required {bar:g}']


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--quick', action='store_true', help='few rounds, no check of times')
    parser.add_argument('--reference', type=Path, help='checkout of davis2017-evaluation')
    options = parser.parse_args()
    cv2.setNumThreads(1)
    print(f'Python {sys.version.split()[0]}, NumPy {np.__version__}, OpenCV {cv2.__version__}, one thread')
    rounds = 2 if options.quick else 25
    problems = compare_saliency(rounds) + compare_davis(rounds, options.reference)
    if options.quick:
        problems = [p for p in problems if 'differs' in p]
    if problems:
        sys.exit('\n' + '\n'.join(problems))


if __name__ == '__main__':
    main()
