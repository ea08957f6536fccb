"""The data sets that a config reads, looked at one by one before anything else is built."""

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from salseg.datasets.base import SetDataset
from salseg.datasets.checking.published import find_set
from salseg.datasets.listed_dataset import ListedDataset
from salseg.errors import DataError, SalsegError
from salseg.io.listing import is_stray
from salseg.registry import DATASETS
from salseg.releases import Release, releases_at

LOADERS = {'train': 'train_dataloader', 'val': 'val_dataloader', 'test': 'test_dataloader'}
# Sets that are made rather than converted, by what is in the name of their folder.
_MADE = {
    'pseudo': "Pseudo-labels are made by: salseg precompute pseudo-labels MODEL --out FOLDER; the project's page has the line.",
    'synthetic': "It is drawn by salseg.datasets.synthetic.write_dataset; the project's page has the line.",
}
# Entries of a list whose files are missing that a message names.
_SHOWN = 3


@dataclass(frozen=True)
class SetState:
    """What was found of one data set.

    Attributes:
        role: 'train', 'val' or 'test'.
        name: As tables of results name it.
        path: Its folder; '' for a set that is drawn when it is asked for.
        state: 'ok', 'absent' (nothing is in the folder), 'wrong' or 'drawn'.
        encoding: Of its annotations; '' where there are none.
        counts: What it holds: 'images', 'groups', 'videos', 'frames'.
        problem: What is wrong, or absent, and what to do, in a sentence; '' otherwise.
        published: By the same kinds, the published counts; of an absent set by the release's own.
    """

    role: str
    name: str
    path: str
    state: str
    encoding: str = ''
    counts: Mapping[str, int] = field(default_factory=dict)
    problem: str = ''
    published: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def warning(self) -> str:
        """The first count that is none of the published ones, in a sentence; '' where all are."""
        for unit, number in self.counts.items():
            numbers = self.published.get(unit, ())
            if numbers and number not in numbers:
                return f'{self.name}: {number:,} {unit}, published {either(numbers)}; is the copy complete?'
        return ''


def either(numbers: Iterable[int]) -> str:
    """Counts of versions and splits, in words."""
    return ' or '.join(f'{number:,}' for number in numbers)


def check_sets(
    config: Mapping[str, Any],
    roles: Sequence[str] = tuple(LOADERS),
    releases: Sequence[Release] = (),
    quick: bool = False,
) -> list[SetState]:
    """Look at all data sets that a config reads, each on its own, without their augmentation.

    Args:
        config: Of a model, merged.
        roles: Of 'train', 'val' and 'test'.
        releases: What is known of published sets, for counts and remedies.
        quick: Decode the first item only, and do not look for the files of all lines of a list of files.
    """
    found = []
    for role in roles:
        loader = config.get(LOADERS[role]) or {}
        seen: list[Any] = []
        for node in leaves(loader.get('dataset') or {}):
            if node not in seen:
                seen.append(node)
                found.append(check_set(role, node, releases, quick))
    return found


def leaves(node: Mapping[str, Any], pipeline: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
    """Configs of the data sets that read files or draw: those inside a concatenation, a composite, any wrapper."""
    pipeline = node.get('pipeline') or pipeline
    inside = [child for key, value in node.items() if key != 'pipeline' for child in _sets_in(value)]
    for child in inside:
        # Only a concatenation hands its pipeline down.
        yield from leaves(child, pipeline if 'datasets' in node else ())
    if not inside and 'type' in node:
        yield {**node, 'pipeline': [dict(step) for step in pipeline if _loads(step)]}


def _sets_in(value: Any) -> list[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        return [value] if _class_of(value) is not None else []
    return [child for part in value for child in _sets_in(part)] if isinstance(value, list | tuple) else []


def _class_of(node: Mapping[str, Any]) -> type[SetDataset] | None:
    kind = node.get('type')
    kind = DATASETS.get(kind) if isinstance(kind, str) else kind
    return kind if isinstance(kind, type) and issubclass(kind, SetDataset) else None


def _loads(step: Any) -> bool:
    """Whether a transform reads files; the others are not tried, some of them need a network's weights."""
    return isinstance(step, Mapping) and str(step.get('type')).rpartition('.')[2].startswith('Load')


def check_set(role: str, node: Mapping[str, Any], releases: Sequence[Release] = (), quick: bool = False) -> SetState:
    """Build one data set and decode its first and its last item; what is raised becomes its problem."""
    if 'data_root' not in node:
        return SetState(role, str(node.get('name') or node['type']), '', 'drawn')
    root = Path(node['data_root'])
    name, encoding = str(node.get('name') or root.name), _encoding_of(node)
    known = releases_at(root, releases)
    if not root.is_dir() or all(is_stray(path) for path in root.iterdir()):
        problem = _absence(role, name, root, encoding, known)
        numbers = dict(known[0].published) if known else {}
        return SetState(role, name, str(root), 'absent', encoding, problem=problem, published=numbers)
    try:
        dataset = DATASETS.build(dict(node))
        if not quick:
            _check_lines(dataset)
        for index in (0,) if quick else dict.fromkeys((0, len(dataset) - 1)):
            decode_item(dataset, index)
    except (SalsegError, OSError) as error:
        remedy = _remedy(encoding, known)
        problem = f'{role} set {name}: {error}{remedy}'
        return SetState(role, name, str(root), 'wrong', encoding, problem=problem)
    counts = counts_of(dataset)
    numbers = {} if _chosen(node) else _published(root, counts, known)
    return SetState(role, name, str(root), 'ok', encoding, counts, published=numbers)


def _absence(role: str, name: str, root: Path, encoding: str, known: Sequence[Release]) -> str:
    text = f'{role} set {name}: {root} {"holds nothing" if root.is_dir() else "is not there"}.'
    made = next((how for part, how in _MADE.items() if any(part in own for own in root.parts[-3:])), '')
    if made:
        return f'{text} {made}'
    if not known:
        return f'{text} What can be converted, and how: salseg convert --list'
    if known[0].own:
        ways = '|'.join(release.name for release in known)
        return f'{text} It is for data of your own: salseg convert {ways} SOURCE'
    later = [release for release in known[1:] if encoding == 'scribble']
    return '. Then: '.join([f'{text} {known[0].remedy()}', *(release.remedy() for release in later)])


def _remedy(encoding: str, known: Sequence[Release]) -> str:
    """The command that makes it right; of a set whose scribbles were released apart, theirs."""
    published = [release for release in known if not release.own]
    if not published:
        return ''
    named = published[-1] if encoding == 'scribble' else published[0]
    return f' As released it is converted by: salseg convert {named.name} SOURCE'


def _encoding_of(node: Mapping[str, Any]) -> str:
    if node.get('boxes'):
        return 'boxes'
    kind = _class_of(node)
    parameters = inspect.signature(kind).parameters if kind is not None else {}
    # Videos of objects have ids, and no choice.
    default = parameters['encoding'].default if 'encoding' in parameters else 'index'
    return str(node.get('encoding', default) or '')


def _check_lines(dataset: SetDataset) -> None:
    """Look for the files of all lines of a list of files; the other sets list folders and find them at once.

    Raises:
        DataError: Some are missing.
    """
    if not isinstance(dataset, ListedDataset):
        return
    lost = []
    for index in range(len(dataset)):
        found = dataset.describe(index)
        lost += [path for path in (*found['frame_paths'], *found['label_paths']) if path and not Path(path).is_file()]
    if lost:
        raise DataError(f'{dataset.lines.path} names {len(lost)} files that are not there: {", ".join(lost[:_SHOWN])}.')


def decode_item(dataset: SetDataset, index: int) -> None:
    """Read the files of an item as its pipeline reads them; of a whole group or video the first and the last frame.

    Raises:
        DataError: A file cannot be read, does not belong to the other, or the encoding does not fit.
    """
    results = dataset.begin(0, index)
    frames = len(results['frame_paths'])
    kept = sorted({0, frames - 1})
    for key, value in results.items():
        if isinstance(value, list) and len(value) == frames:
            results[key] = [value[place] for place in kept]
    for transform in dataset.transforms:
        results = transform(results)


def counts_of(dataset: Any) -> dict[str, int]:
    """What a data set holds, in the units in which releases are counted."""
    if hasattr(dataset, 'videos'):
        return dict(videos=len(dataset.videos) + len(getattr(dataset, 'short', ())))
    if hasattr(dataset, 'groups'):
        return dict(groups=len(dataset.groups), images=sum(len(items) for _, items in dataset.groups))
    return dict(images=len(dataset))


def _chosen(node: Mapping[str, Any]) -> bool:
    """Whether a recipe names the videos or groups itself, in numbers that are its own and no release's."""
    return bool(node.get('videos') or node.get('groups') or Path(node.get('list_file') or '').is_absolute())


def _published(root: Path, counts: Mapping[str, int], known: Sequence[Release]) -> dict[str, tuple[int, ...]]:
    """Published counts of the units that a set is counted in, those of its splits too."""
    numbers = {unit: [n for release in known for n in release.numbers(unit)] for unit in counts}
    usual = find_set(root.name) or (find_set(known[0].name) if known else None)
    for version in usual.versions.values() if usual is not None else ():
        for unit, words in dict(images=('images', 'annotated'), groups=('groups',), videos=('groups',)).items():
            if unit in numbers:
                numbers[unit] += [version[word] for word in words if word in version]
    return {unit: tuple(dict.fromkeys(found)) for unit, found in numbers.items() if found}
