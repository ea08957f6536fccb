"""Folders of predictions beside a folder of ground truths: paired by relative stem, never by position."""

import os
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from salseg.errors import DataError, missing_folder
from salseg.evaluation.protocols import Problem, Protocol
from salseg.io.annotations import LABEL_SUFFIXES
from salseg.io.listing import in_order, walk_files
from salseg.io.record import read_record

SHOWN = 10


@dataclass(frozen=True)
class Tree:
    """Images below a folder.

    Attributes:
        root: The folder.
        files: Relative path with suffix by relative path without, in order of frames.
        skipped: Files whose stem has another one of a preferred suffix.
    """

    root: Path
    files: Mapping[str, str]
    skipped: int = 0

    def path(self, stem: str) -> Path:
        """File of a stem."""
        return self.root / self.files[stem]


def list_tree(root: Path, suffixes: Sequence[str] = LABEL_SUFFIXES) -> Tree:
    """Images of a folder and its sub-folders.

    Args:
        root: The folder.
        suffixes: That count; where a stem has several files, the one whose suffix stands first is taken.

    Raises:
        DataError: The folder does not exist or holds no image.
    """
    if not root.is_dir():
        raise missing_folder(root)
    best: dict[str, str] = {}
    skipped = 0
    rank = {suffix: place for place, suffix in enumerate(suffixes)}
    for relative in walk_files(root, rank):
        stem, suffix = os.path.splitext(relative)
        if stem in best:
            skipped += 1
            if rank[suffix.lower()] >= rank[os.path.splitext(best[stem])[1].lower()]:
                continue
        best[stem] = relative
    if not best:
        raise DataError(f'{root} holds no image ({", ".join(suffixes)}), in its sub-folders neither.')
    return Tree(root, {stem: best[stem] for stem in in_order(best)}, skipped)


# The folder in which `salseg predict` writes maps, beside those of other results.
MAPS = 'mask'
# And that of the sheets of groups.
SHEETS = 'sheets'


def prediction_tree(root: Path) -> Tree:
    """Predictions below a folder; where `salseg predict` wrote it, its maps alone, by the names of their images.

    Beside a record of `salseg predict` the maps are those in ``mask/``, which is no part of their names: so that
    ``<out>/mask/<group>/<stem>.png`` and ``<out>/<video>/mask/<frame>.png`` pair with a ground truth as they are. Where it
    wrote nothing but maps they lie in the folder itself. Overlays and sheets are no predictions. All other folders are
    taken as they are.

    Raises:
        DataError: The folder does not exist or holds no image.
    """
    tree = list_tree(root)
    results = {
        parts[:place]
        for parts in {tuple(stem.split('/')[:-1]) for stem in tree.files}
        for place, part in enumerate(parts)
        if part == MAPS and _has_kinds(root.joinpath(*parts[:place]))
    }
    if not results and not _is_prediction(root):
        return tree
    files = {}
    for stem, file in tree.files.items():
        parts = tuple(stem.split('/'))
        name = _below_maps(parts, results) if results else () if parts[0] == SHEETS else parts
        if name:
            files['/'.join(name)] = file
    return Tree(root, {stem: files[stem] for stem in in_order(files)}, tree.skipped)


def _is_prediction(folder: Path) -> bool:
    record = read_record(folder)
    return record is not None and record.command == 'predict'


def _has_kinds(folder: Path) -> bool:
    """Whether a result of `salseg predict` has a folder for each kind, as those of videos, and all that are more than maps.

    Otherwise a folder `mask` is one of the images' own.
    """
    record = read_record(folder)
    if record is None or record.command != 'predict':
        return False
    return bool(record.inputs or record.result) or any((folder / kind).is_dir() for kind in ('overlay', 'cutout'))


def _below_maps(parts: tuple[str, ...], results: Collection[tuple[str, ...]]) -> tuple[str, ...]:
    """The name of a file of results without the folder of maps; empty where it is none of the maps."""
    for place in range(len(parts)):
        if parts[:place] in results:
            return parts[:place] + parts[place + 1 :] if parts[place] == MAPS else ()
    return parts


def group_of(stem: str) -> str:
    """Folder of a stem: the group or video, '' at the top."""
    return stem.rpartition('/')[0]


def select(tree: Tree, names: Sequence[str]) -> Tree:
    """The files of a tree that a list names: stems, or groups and videos.

    Raises:
        DataError: A name is neither.
    """
    wanted = [os.path.splitext(name)[0] if name.lower().endswith(LABEL_SUFFIXES) else name.strip('/') for name in names]
    groups = {group_of(stem) for stem in tree.files}
    absent = [name for name in wanted if name not in tree.files and name not in groups]
    if absent:
        raise DataError(
            f'the list has {len(absent)} of {len(wanted)} names that are no file and no folder below {tree.root}: '
            f'{shown(absent)}.\n  There are for example {shown(list(tree.files)[:3])}.'
        )
    chosen = set(wanted)
    files = {s: f for s, f in tree.files.items() if s in chosen or group_of(s) in chosen}
    return Tree(tree.root, files, tree.skipped)


@dataclass(frozen=True)
class Group:
    """Annotated frames of a group or video.

    Attributes:
        name: Relative folder; '' where the files lie at the top.
        stems: In order of frames.
        counted: Positions of those that count.
    """

    name: str
    stems: tuple[str, ...]
    counted: tuple[int, ...]


def groups_of(truth: Tree, protocol: Protocol) -> list[Group]:
    """What the protocol counts of a ground truth.

    Raises:
        DataError: Nothing is left of a video.
    """
    by_group: dict[str, list[str]] = defaultdict(list)
    for stem in truth.files:
        by_group[group_of(stem)].append(stem)
    return [Group(name, tuple(stems), tuple(protocol.counted(stems, name))) for name, stems in by_group.items()]


@dataclass(frozen=True)
class Method:
    """A folder of predictions.

    Attributes:
        name: Stands in the tables.
        tree: Its files.
        missing: Stems that count and have no prediction.
        extra: Predictions without a ground truth.
    """

    name: str
    tree: Tree
    missing: tuple[str, ...] = field(default=())
    extra: tuple[str, ...] = field(default=())


def pair(name: str, predictions: Tree, truth: Tree, groups: Sequence[Group]) -> Method:
    """Compare the stems of predictions and of what counts."""
    needed = [group.stems[i] for group in groups for i in group.counted]
    missing = tuple(stem for stem in needed if stem not in predictions.files)
    extra = tuple(stem for stem in predictions.files if stem not in truth.files)
    return Method(name, predictions, missing, extra)


def name_methods(folders: Sequence[str]) -> dict[str, Path]:
    """Folders by name: what the user gave as NAME=FOLDER, else the shortest end of the path that tells them apart.

    Raises:
        DataError: Two have one name.
    """
    given = [text.partition('=') if '=' in text and not Path(text).exists() else ('', '', text) for text in folders]
    paths = [Path(os.path.abspath(path)) for _, _, path in given]
    named: dict[str, Path] = {}
    for (label, _, text), path in zip(given, paths):
        others = [other for other in paths if other != path]
        depth = 1
        while depth < len(path.parts) and any(other.parts[-depth:] == path.parts[-depth:] for other in others):
            depth += 1
        name = label or '/'.join(path.parts[-depth:])
        if name in named:
            raise DataError(
                f'two folders of predictions are called {name!r}: {named[name]} and {text}. Name them: NAME=FOLDER.'
            )
        named[name] = Path(text)
    return named


def shown(names: Sequence[str]) -> str:
    """The first ten names."""
    return ', '.join(names[:SHOWN]) + (', ...' if len(names) > SHOWN else '')


def pairing_problems(method: Method, allow_missing: bool, allow_extra: bool) -> list[Problem]:
    """Missing and extra predictions that were not allowed."""
    problems = []
    if not allow_missing:
        problems += [Problem('missing', stem, '') for stem in method.missing]
    if not allow_extra:
        problems += [Problem('extra', stem, '') for stem in method.extra]
    return problems


_ADVICE = {
    'missing': 'write them, or score them as empty: --allow-missing',
    'extra': 'is this the right ground truth? A part of it: --list FILE. To leave them out: --allow-extra',
    'other size': "save predictions at the ground truth's size, or let maps be resized: --resize",
    'wrong values': 'write labels, or binary masks where the protocol has one object',
    'not scored': 'fix the video, or leave it out with --list',
    'wrong id': 'are these the right videos and objects? Ids must be those of the ground truth',
    'unreadable': 'write the files again',
}


def problem_message(problems: Mapping[str, Sequence[Problem]], truth: Path) -> str:
    """The first ten problems of every method and kind, and how many there are.

    Args:
        problems: By method.
        truth: Folder of the ground truth.
    """
    lines = []
    for name, found in problems.items():
        by_kind: dict[str, list[Problem]] = defaultdict(list)
        for problem in found:
            by_kind[problem.kind].append(problem)
        lines.append(f'{len(found)} predictions of {name} do not fit the ground truth {truth}:')
        for kind, members in by_kind.items():
            first = f', the first {SHOWN}:' if len(members) > SHOWN else ':'
            lines.append(f'  {kind}, {len(members)} in all{first}')
            lines += [f'    {p.stem}: {p.detail}' if p.detail else f'    {p.stem}' for p in members[:SHOWN]]
            lines.append(f'    -> {_ADVICE.get(kind, "fix them or take them off the list")}')
    return '\n'.join(lines)


def mismatch_hint(method: Method, truth: Tree) -> str:
    """What to say where not one name fits: most often another folder was meant."""
    if len(method.extra) < len(method.tree.files):
        return ''
    ends = {stem.rsplit('/', 1)[-1] for stem in truth.files}
    example = next((s for s in method.tree.files if s.rsplit('/', 1)[-1] in ends), next(iter(method.tree.files)))
    return (
        f'\n  Not one name is common: the ground truth has for example {next(iter(truth.files))}, the predictions '
        f'{example}. Name the folders from which these paths are equal.'
    )
