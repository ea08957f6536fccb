"""Find out how a folder is laid out, and what belongs together in it."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from salseg.datasets.checking.findings import Findings
from salseg.datasets.checking.images import Item
from salseg.datasets.video_layout import LAYOUTS
from salseg.errors import DataError, missing_folder
from salseg.io.annotations import LABEL_SUFFIXES, read_annotation
from salseg.io.formats import IMAGE_SUFFIXES
from salseg.io.listing import IMAGE_FOLDERS, MASK_FOLDERS, SCRIBBLE_FOLDERS, find_alias, folders_in, in_order, is_stray
from salseg.io.lists import read_list, read_names

KINDS = ('sod', 'scribble', 'cosod', 'vsod', 'vos')
_VIDEOS = (*LAYOUTS.items(), ('segtrack', ('JPEGImages/{video}', 'GroundTruth/{video}')))


@dataclass
class Plan:
    """What a folder holds.

    Attributes:
        root: The folder.
        kind: One of ``KINDS``.
        groups: Groups or videos in order, [''] for single images.
        images: Folder of a group's images, with ``{}`` for the group.
        labels: Role and folder of its annotations, likewise; the first one is needed of every image.
        layout: Name of a layout of videos, '' else.
        names: What a list allows of it: stems, or groups; None for all.
        optional: Roles that an image may lack.
    """

    root: Path
    kind: str
    groups: list[str]
    images: str
    labels: dict[str, str]
    layout: str = ''
    names: list[str] | None = None
    optional: set[str] = field(default_factory=set)

    @property
    def video(self) -> bool:
        """Whether groups are videos."""
        return self.kind in ('vsod', 'vos')

    def reader(self) -> dict[str, str]:
        """The data set of a config that reads it."""
        root = dict(data_root=str(self.root))
        if self.kind == 'cosod':
            return dict(type='GroupDataset', **root, layout=self.layout or 'parallel')
        if self.kind == 'vos' and self.layout in ('davis', 'davis-480p', 'segtrack'):
            layout = {'davis': 'folders', 'davis-480p': 'davis', 'segtrack': 'segtrack'}[self.layout]
            meta = (self.root / 'meta.json').is_file()
            return dict(type='PromptedVideos', **root, layout='youtube_vos' if meta else layout)
        if self.video:
            (labels,) = self.labels.values()
            patterns = [folder.replace('{}', '{video}') for folder in (self.images, labels)]
            known = dict(layout=self.layout) if self.layout in LAYOUTS else {}
            return dict(
                type='VideoSaliencyDataset', **root, **(known or dict(zip(('image_folder', 'label_folder'), patterns)))
            )
        role = 'scribble' if self.kind == 'scribble' else 'mask'
        encoding = dict(encoding='scribble') if role == 'scribble' else {}
        folders = dict(image_folder=self.images, label_folder=self.labels.get(role, ''))
        return dict(type='SaliencyDataset', **root, **folders, **encoding)


def find_plan(root: Path, kind: str | None = None, images: str | None = None, labels: str | None = None) -> Plan:
    """Recognise a layout.

    Args:
        root: Folder of the data set.
        kind: One of ``KINDS``; found out by default.
        images, labels: Folders, relative, where they have unusual names; ``{video}`` stands for a video or group.

    Raises:
        DataError: The folder does not exist or is laid out in no known way.
    """
    if not root.is_dir():
        raise missing_folder(root)
    if kind is not None and kind not in KINDS:
        raise DataError(f'--kind {kind!r}; expected one of {", ".join(KINDS)}.')
    plan = _given(root, kind, images, labels) or _video_plan(root, kind) or _image_plan(root, kind)
    if plan is None:
        there = ', '.join(in_order(p.name for p in root.iterdir() if not is_stray(p))[:12]) or 'nothing'
        raise DataError(
            f'{root} is laid out in no way that is known{f" of kind {kind}" if kind else ""}; it holds {there}.\n  '
            f'Looked for images in {", ".join(IMAGE_FOLDERS)}, for videos in '
            f'{", ".join(p.replace("{video}", "VIDEO") for _, (p, _) in _VIDEOS)}.\n  Name the folders with --images '
            'and --labels ({video} stands for a group or video), or give the sub-folder of one split.'
        )
    return plan


def _given(root: Path, kind: str | None, images: str | None, labels: str | None) -> Plan | None:
    if images is None and labels is None:
        return None
    if images is None or labels is None:
        raise DataError('--images and --labels belong together; name both folders.')
    pattern = images.replace('{video}', '{}')
    if '{}' in pattern:
        groups = folders_of(root, pattern)
        if not groups:
            raise DataError(f'{root}: no folder fits --images {images}.')
        found = labels.replace('{video}', '{}')
        return Plan(root, kind or 'vsod', groups, pattern, {_video_role(root, found, groups, kind or 'vsod'): found})
    if not (root / images).is_dir() or not (root / labels).is_dir():
        raise DataError(f'{root} has no folder {images if not (root / images).is_dir() else labels}.')
    kind = kind or 'sod'
    return Plan(root, kind, [''], images, {'scribble' if kind == 'scribble' else 'mask': labels})


def _video_plan(root: Path, kind: str | None) -> Plan | None:
    if kind in ('sod', 'scribble', 'cosod'):
        return None
    for name, (images, labels) in _VIDEOS:
        images, labels = images.replace('{video}', '{}'), labels.replace('{video}', '{}')
        groups = folders_of(root, images)
        if not groups or not (root / labels.partition('{}')[0]).is_dir():
            continue
        if not any((root / labels.format(group)).is_dir() for group in groups):
            continue
        ids = _palette_or_meta(root, labels, groups) or name == 'segtrack'
        kind = kind or ('vos' if ids else 'vsod')
        return Plan(root, kind, groups, images, {_video_role(root, labels, groups, kind): labels}, name)
    return None


def _video_role(root: Path, labels: str, groups: Sequence[str], kind: str) -> str:
    if kind != 'vos':
        return 'mask'
    split = any(folders_of(root, f'{labels.format(group)}/{{}}') for group in groups)
    # Binary files of one object each, as SegTrack-v2 has them, alone or in a folder per object.
    return 'object' if split or 'GroundTruth' in labels else 'ids'


def _palette_or_meta(root: Path, labels: str, groups: Sequence[str]) -> bool:
    if (root / 'meta.json').is_file():
        return True
    for group in groups:
        for path in sorted(p for p in (root / labels.format(group)).glob('*.png') if not is_stray(p))[:1]:
            try:
                return 0 < int(read_annotation(path, 'index').max(initial=0)) < 255
            except DataError:
                continue
    return False


def _image_plan(root: Path, kind: str | None) -> Plan | None:
    if kind in ('vsod', 'vos'):
        return None
    images = find_alias(root, IMAGE_FOLDERS)
    masks = find_alias(root, MASK_FOLDERS)
    scribbles = find_alias(root, SCRIBBLE_FOLDERS)
    if images is None:
        return _nested(root, kind) or _twins(root, kind)
    groups = folders_of(root, f'{images}/{{}}')
    if kind == 'cosod' or (kind is None and groups and not has_images(root / images)):
        labels = {} if masks is None else {'mask': f'{masks}/{{}}'}
        return Plan(root, 'cosod', groups, f'{images}/{{}}', labels) if groups else None
    labels = {}
    if scribbles is not None and kind != 'sod':
        labels['scribble'] = scribbles
    if masks is not None:
        labels['mask'] = masks
    if not labels or (kind == 'scribble' and scribbles is None):
        return _twins(root, kind)
    # Scribbles are drawn for training images, masks for the others: where both folders are there, one of them will do.
    optional = set(labels) if len(labels) > 1 and kind is None else set(labels) - {next(iter(labels))}
    return Plan(root, 'scribble' if 'scribble' in labels else 'sod', [''], images, labels, optional=optional)


def _nested(root: Path, kind: str | None) -> Plan | None:
    """Groups with the masks in a folder of each."""
    if kind not in (None, 'cosod'):
        return None
    groups = folders_of(root, '{}')
    for group in groups:
        masks = find_alias(root / group, MASK_FOLDERS)
        if masks is not None and has_images(root / group):
            return Plan(root, 'cosod', groups, '{}', {'mask': f'{{}}/{masks}'}, 'nested')
    return None


def _twins(root: Path, kind: str | None) -> Plan | None:
    """Images and masks side by side, .jpg and .png."""
    if kind not in (None, 'sod'):
        return None
    for folder in ('.', *folders_of(root, '{}')):
        suffixes = {Path(name).suffix.lower() for name in image_names(root / folder, IMAGE_SUFFIXES)}
        if suffixes & {'.jpg', '.jpeg'} and suffixes & {'.png', '.bmp'}:
            return Plan(root, 'sod', [''], folder, {'mask': folder})
    return None


def folders_of(root: Path, pattern: str) -> list[str]:
    """What ``{}`` may stand for: folders in in_order order."""
    before, _, after = pattern.partition('{}')
    top = root / before
    if not top.is_dir():
        return []
    after = after.strip('/')
    found = [path.name for path in folders_in(top) if not after or (path / after).is_dir()]
    # JPEGImages/480p is a resolution, not a video.
    return [] if found == ['480p'] else found


def image_names(folder: Path, suffixes: Sequence[str]) -> Iterator[str]:
    """Names of the images of a folder, without stray files."""
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if not is_stray(name) and name.lower().endswith(tuple(suffixes)):
                yield name


def has_images(folder: Path) -> bool:
    """Whether a folder itself holds an image."""
    return next(image_names(folder, IMAGE_SUFFIXES), None) is not None


def stems_of(folder: Path, suffixes: Sequence[str], findings: Findings | None = None) -> dict[str, str]:
    """File by stem, as loaders pair them: the first suffix wins where a stem has several; noted in ``findings``."""
    rank = {suffix: number for number, suffix in enumerate(suffixes)}
    best: dict[str, str] = {}
    for name in sorted(image_names(folder, suffixes)):
        stem, suffix = os.path.splitext(name)
        other = best.get(stem)
        if other is not None:
            if findings is not None:
                findings.add('two-files', str(folder / stem), f'{other}, {name}')
            if rank[suffix.lower()] >= rank[os.path.splitext(other)[1].lower()]:
                continue
        best[stem] = name
    return {stem: os.path.join(folder, name) for stem, name in best.items()}


def items_of(plan: Plan, findings: Findings) -> Iterator[Item]:
    """Images of a plan with what belongs to them, group by group, each only listed when it is reached."""
    wanted = None if plan.names is None else set(plan.names)
    for group in plan.groups:
        whole = wanted is None or group in wanted
        if not whole and plan.video:
            continue
        yield from _items_of_group(plan, group, None if whole else wanted, findings)


def _items_of_group(plan: Plan, group: str, wanted: set[str] | None, findings: Findings) -> Iterator[Item]:
    folder = plan.root / plan.images.format(group)
    same = plan.root / next(iter(plan.labels.values()), '').format(group) == folder
    images = stems_of(folder, IMAGE_SUFFIXES, None if same else findings)
    labels: list[tuple[str, dict[str, str]]] = []
    for role, pattern in plan.labels.items():
        below = plan.root / pattern.format(group)
        parts = [below / name for name in folders_of(below, '{}')] if role == 'object' else []
        labels += [(role, stems_of(part, LABEL_SUFFIXES, None if same else findings)) for part in parts or [below]]
    if same:
        images = {stem: path for stem, path in images.items() if not path.lower().endswith(('.png', '.bmp'))}
    orphans = {stem for _, files in labels for stem in files} - set(images)
    for stem in in_order([*images, *orphans]):
        item = Item(
            group, stem, images.get(stem), tuple((role, files[stem]) for role, files in labels if stem in files)
        )
        if wanted is None or item.name in wanted:
            yield item


def read_selection(plan: Plan, path: Path) -> list[str]:
    """Names of a list file: stems of images, groups or ``group/stem``, or videos.

    Raises:
        DataError: The file is missing or empty.
    """
    return read_names(path, plan.groups) if plan.video else read_list(path)
