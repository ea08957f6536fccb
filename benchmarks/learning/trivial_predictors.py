"""What needs no learning scores: a centre prior on saliency sets, the first mask copied on videos with object ids.

Takes a folder of data sets (each in a layout that `salseg check-data` knows, at most two folders deep), reads every frame and
annotation through salseg's loaders, and prints a table per set and protocol. A model
that is not clearly better has not learned.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from salseg.datasets.checking import Findings, Plan, check_folder, find_plan
from salseg.datasets.checking.layout import items_of
from salseg.datasets.synthetic import centre_prior
from salseg.errors import DataError
from salseg.evaluation.evaluate import Settings, evaluate_folders
from salseg.evaluation.output import terminal_table
from salseg.io.annotations import UNKNOWN, read_map
from salseg.io.images import image_size, write_png
from salseg.registry import DATASETS
from salseg.visualization import write_label_png

# Saliency protocols by kind; videos with ids are scored as saliency sets too, all objects together.
MAPS = {'sod': ['sod'], 'scribble': ['sod'], 'cosod': ['cosod', 'cosod-evalcosod'], 'vsod': ['vsod'], 'vos': ['vsod']}
LOADING = [dict(type='LoadFrames'), dict(type='LoadLabels', one_sided='allow')]
VIDEO_LOADING = [dict(type='LoadFrames'), dict(type='LoadPrompt'), dict(type='LoadObjectMaps')]


def main() -> int:
    """Check, load, score, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path, help='folder of data sets')
    parser.add_argument('--processes', type=int, default=1)
    args = parser.parse_args()
    plans = list(data_sets(args.folder))
    if not plans:
        sys.stderr.write(f'{args.folder} holds no data set that is known.\n')
        return 2
    for plan in plans:
        report = check_folder(plan.root)
        found = ', '.join(f'{len(places)} {kind}' for kind, places in report.findings.by_kind.items())
        print(
            f'== {plan.root.relative_to(args.folder)} ({plan.kind}): {load_all(plan)}; check-data: {found or "nothing found"}'
        )
        with tempfile.TemporaryDirectory() as folder:
            score(plan, Path(folder), Settings(processes=args.processes, allow_extra=True))
    return 0


def data_sets(root: Path) -> Iterator[Plan]:
    """Plans of the data sets at a folder, in it, or in its folders."""
    for depth in ('.', '*', '*/*'):
        known = []
        for folder in sorted(p for p in root.glob(depth) if p.is_dir()) if depth != '.' else [root]:
            try:
                known.append(find_plan(folder))
            except DataError:
                continue
        yield from known
        if depth == '.' and known:
            return


def load_all(plan: Plan) -> str:
    """Read every item through the loader that check-data names; what came."""
    reader = plan.reader()
    data = DATASETS.build(dict(reader, pipeline=VIDEO_LOADING if reader['type'] == 'PromptedVideos' else LOADING))
    frames = objects = 0
    for index in range(len(data)):
        item = data.get(0, index)
        frames += len(item['frames'])
        labels = item.get('labels') or item.get('saliency') or item.get('gt_labels') or []
        objects += sum(bool(((label > 0) & (label < UNKNOWN)).any()) for label in labels if label is not None)
    return f'{reader["type"]} read {len(data)} items, {frames} frames, {objects} annotations with object'


def score(plan: Plan, out: Path, settings: Settings) -> None:
    """Write trivial predictions and print their tables."""
    items = [item for item in items_of(plan, Findings()) if item.image is not None]
    role = 'mask' if 'mask' in plan.labels else next(iter(plan.labels))
    truth = plan.root / plan.labels[role].partition('{}')[0]
    for item in items:
        write_png(
            out / 'centre' / f'{item.name}.png', np.rint(centre_prior(*image_size(item.image)) * 255).astype(np.uint8)
        )
    for protocol in MAPS[plan.kind]:
        print(terminal_table(evaluate_folders({'centre prior': out / 'centre'}, truth, protocol, settings)))
    if plan.kind != 'vos':
        return
    first: dict[str, np.ndarray] = {}
    several = False
    for item in items:
        if item.labels:
            given = read_map(item.labels[0][1], 'index')
            known = first.setdefault(item.group, np.zeros_like(given))
            # An object's first mask is the prompt, also where it enters late.
            fresh = np.isin(given, [n for n in np.unique(given) if n not in (0, UNKNOWN) or role == 'object'])
            fresh &= ~np.isin(given, np.unique(known))
            first[item.group] = np.where(fresh, given, known)
            several |= len(np.unique(first[item.group])) > 2
        if item.group in first:
            write_label_png(out / 'copied' / f'{item.name}.png', first[item.group])
    dense = all(item.labels for item in items)
    protocols = ['segtrack'] if role == 'object' else ['davis17-semi' if several else 'davis16'] if dense else ['vos']
    for protocol in protocols:
        print(terminal_table(evaluate_folders({'first mask copied': out / 'copied'}, truth, protocol, settings)))


if __name__ == '__main__':
    sys.exit(main())
