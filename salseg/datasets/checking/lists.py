"""Lists of a data set: splits that lie in its folder, the one that was given, YouTube-VOS' record of objects."""

import json
from collections import Counter

from salseg.datasets.checking.findings import Findings
from salseg.datasets.checking.layout import Plan, read_selection, stems_of
from salseg.errors import DataError
from salseg.io.annotations import LABEL_SUFFIXES, read_annotation
from salseg.io.formats import IMAGE_SUFFIXES

PARTS = ('train', 'val', 'valid', 'test', 'test-dev')


def note_list(plan: Plan, names: list[str], source: str, known: set[str], findings: Findings) -> None:
    """Add names that a list has twice or that are not there."""
    groups = set(plan.groups)
    for name, count in Counter(names).items():
        if count > 1:
            findings.add('list-twice', source, f'{name}, {count} times')
        if name not in known and name not in groups:
            findings.add('list-unknown', source, name)


def find_parts(plan: Plan, known: set[str], findings: Findings) -> dict[str, str]:
    """Part ('train', 'test', ...) of every name that the folder's own lists mention; overlaps are noted.

    Lists lie beside the folders of images, or in ``ImageSets/<year>/``; those of one folder belong together. A list of
    which most names are not there is no list of names, or of another set, and is skipped.
    """
    there = known | set(plan.groups)
    parts: dict[str, str] = {}
    sets = plan.root / 'ImageSets'
    folders = [plan.root, *sorted(p for p in sets.glob('*') if p.is_dir()), sets]
    for folder in folders:
        own: dict[str, str] = {}
        for part in PARTS:
            path = folder / f'{part}.txt'
            if not path.is_file():
                continue
            try:
                names = read_selection(plan, path)
            except DataError as error:
                findings.add('unreadable', str(path.relative_to(plan.root)), str(error))
                continue
            if sum(name in there for name in names) < len(names) / 2:
                continue
            note_list(plan, names, str(path.relative_to(plan.root)), known, findings)
            for name in names:
                if own.get(name, part) != part and 'train' in (own[name], part):
                    findings.add('in-both-lists', str(folder.relative_to(plan.root)), f'{name}: {own[name]} and {part}')
                own.setdefault(name, part)
        for name, part in own.items():
            parts.setdefault(name, part)
    return parts


def note_meta(plan: Plan, findings: Findings) -> None:
    """Compare ``meta.json`` of YouTube-VOS with the files: videos, first frames, ids in the first masks."""
    path = plan.root / 'meta.json'
    if plan.kind != 'vos' or not path.is_file():
        return
    try:
        meta = json.loads(path.read_text(encoding='utf-8'))['videos']
        objects = {video: {int(i): e['frames'] for i, e in entry['objects'].items()} for video, entry in meta.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        findings.add('meta', 'meta.json', f'cannot be read as that of YouTube-VOS: {error!r}')
        return
    for video in sorted(set(plan.groups) - set(objects)):
        findings.add('meta', video, 'is not in meta.json', video)
    for video, frames in objects.items():
        if plan.names is None or video in plan.names:
            _note_objects(plan, video, frames, findings)


def _note_objects(plan: Plan, video: str, objects: dict[int, list[str]], findings: Findings) -> None:
    if video not in plan.groups:
        findings.add('meta', video, 'is in meta.json, but has no folder of frames')
        return
    images = stems_of(plan.root / plan.images.format(video), IMAGE_SUFFIXES)
    (labels,) = plan.labels.values()
    masks = stems_of(plan.root / labels.format(video), LABEL_SUFFIXES)
    for number, frames in objects.items():
        lost = next((stem for stem in frames if stem not in images), None)
        if not frames or lost is not None:
            detail = f'object {number}: frame {lost} is not there' if frames else f'object {number} has no frame'
            findings.add('meta', video, detail, video)
        elif frames[0] not in masks:
            findings.add('meta', video, f'object {number} enters at {frames[0]}, which has no mask', video)
        elif not _holds(masks[frames[0]], number):
            findings.add('meta', video, f'object {number} is not in the mask of {frames[0]}, its first frame', video)


def _holds(path: str, number: int) -> bool:
    try:
        return bool((read_annotation(path, 'index') == number).any())
    except DataError:
        # Noted where the file itself is looked at.
        return True
