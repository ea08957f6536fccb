"""Check a data set: list it, look at every file in threads, sum up."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import cv2

from salseg.datasets.checking.duplicates import ImageIndex, note_duplicates
from salseg.datasets.checking.findings import Findings
from salseg.datasets.checking.groups import Group, judge_group
from salseg.datasets.checking.images import Facts, Item, examine
from salseg.datasets.checking.layout import Plan, find_plan, items_of, read_selection
from salseg.datasets.checking.lists import find_parts, note_list, note_meta
from salseg.datasets.checking.published import Published, find_set, get_set
from salseg.errors import DataError

# Items that wait per thread: enough to keep all busy, few enough to keep memory flat.
AHEAD = 8
# Names of each form of label file that are kept, to show those of the rarer form.
_KEPT = 1000


@dataclass(frozen=True)
class Options:
    """What to check.

    Attributes:
        kind: 'sod', 'scribble', 'cosod', 'vsod' or 'vos'; found out by default.
        images, labels: Folders where they have unusual names.
        list_file: Names to check; all by default.
        against: A folder that must not share an image with the checked one, or another list of it.
        published: Name of a published set to compare counts with; by default that of the folder.
        near: Bits of 256 by which two images may differ and still be noted as alike; None compares pixels.
        allow: Kinds of findings that do not count.
        strict: Warnings count.
        threads: That read.
    """

    kind: str | None = None
    images: str | None = None
    labels: str | None = None
    list_file: Path | None = None
    against: Path | None = None
    published: str | None = None
    near: int | None = None
    allow: frozenset[str] = frozenset()
    strict: bool = False
    threads: int = 2


@dataclass
class Report:
    """What a check found.

    Attributes:
        plan: How the folder is laid out.
        findings: What is wrong.
        counts: 'groups', 'images', 'annotated', and 'with mask', 'with scribble', ... of images.
        clean: Names that have no error: stems of images, otherwise groups or videos.
        against: Images of the other set.
    """

    plan: Plan
    findings: Findings
    counts: dict[str, int]
    clean: list[str]
    against: int = 0


@dataclass
class _Course:
    """What is gathered while items pass."""

    plan: Plan
    findings: Findings
    parts: dict[str, str]
    seen: ImageIndex = field(default_factory=ImageIndex)
    group: Group | None = None
    judged: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=lambda: dict(groups=0, images=0, annotated=0))
    names: list[str] = field(default_factory=list)
    forms: dict[tuple[str, object], list[str]] = field(default_factory=dict)
    form_counts: dict[tuple[str, object], int] = field(default_factory=dict)


def check_folder(
    root: str | Path, options: Options | None = None, progress: Callable[[int, int], None] | None = None
) -> Report:
    """Look at every image and annotation of a data set; nothing is changed.

    Args:
        root: Folder of the data set.
        options: See `Options`.
        progress: Called with items done and items in all.

    Raises:
        DataError: The folder, the list or an option cannot be used.
        UnknownName: No published set has the given name.
    """
    root, options = Path(root), options or Options()
    findings = Findings(options.allow, options.strict)
    published = get_set(options.published) if options.published else find_set(root.name)
    plan = find_plan(root, options.kind, options.images, options.labels)
    if options.list_file is not None:
        plan.names = read_selection(plan, options.list_file)
    items = list(items_of(plan, findings))
    if not items:
        raise DataError(f'{root}: no image is left to check of {len(plan.groups)} folders and lists.')
    if plan.names is not None:
        note_list(plan, plan.names, str(options.list_file), {item.name for item in items}, findings)
    other_items, other_list = _other(plan, options)
    total, done = len(items) + len(other_items), 0
    known = {item.name for item in items}
    course = _Course(plan, findings, find_parts(plan, known, findings) if plan.names is None else {})
    for item, facts in inspect(items, plan.video, True, options.threads):
        _take(course, item, facts)
        done += 1
        if progress is not None:
            progress(done, total)
    _finish(course)
    other = ImageIndex()
    for item, facts in inspect(other_items, False, False, options.threads):
        if facts.digest is not None:
            other.add(f'{other_list}/{item.name}', item.group, '', facts.digest, facts.perceptual_hash)
        done += 1
        if progress is not None:
            progress(done, total)
    note_meta(plan, findings)
    note_duplicates(course.seen, other if other_items else None, options.near, plan.video, findings)
    # A list chosen by the user is seldom the published one, unless it is stated which that would be.
    if published is not None and (options.published or plan.names is None):
        _note_counts(published, course, bool(options.published))
    return Report(plan, findings, course.counts, _clean(course), len(other_items))


def inspect(items: Iterable[Item], video: bool, labels: bool, threads: int) -> Iterator[tuple[Item, Facts]]:
    """Examine items in threads; results come in order, and only a few items are open at a time."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    pool = ThreadPoolExecutor(max(1, threads))
    waiting: deque[tuple[Item, Future[Facts]]] = deque()
    try:
        for item in items:
            waiting.append((item, pool.submit(examine, item, video, labels)))
            if len(waiting) >= threads * AHEAD:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        cv2.setNumThreads(before)


def _other(plan: Plan, options: Options) -> tuple[list[Item], str]:
    """Images that the set must not share: of another folder, or of another list of the same one."""
    if options.against is None:
        return [], ''
    if options.against.is_dir():
        other, label = find_plan(options.against), options.against.name
    else:
        other, label = find_plan(plan.root, options.kind, options.images, options.labels), options.against.name
        other.names = read_selection(other, options.against)
    return [item for item in items_of(other, Findings()) if item.image is not None], label


def _take(course: _Course, item: Item, facts: Facts) -> None:
    plan, findings = course.plan, course.findings
    drop = item.group or item.name
    if course.group is None or course.group.name != item.group:
        _close_group(course)
        course.group = Group(item.group)
    course.group.take(item, facts)
    for kind, role, detail in facts.problems:
        path = dict(item.labels).get(role) if role else item.image
        findings.add(kind, _shown(plan, path), detail, drop)
    _note_pairing(plan, item, findings, drop)
    _note_forms(course, item, facts)
    if item.image is None:
        return
    course.counts['images'] += 1
    course.counts['annotated'] += bool(item.labels)
    for role in {role for role, _ in item.labels}:
        course.counts[f'with {role}'] = course.counts.get(f'with {role}', 0) + 1
    course.names.append(item.name)
    if facts.digest is not None:
        part = course.parts.get(item.name) or course.parts.get(item.group, '')
        course.seen.add(item.name, item.group, part, facts.digest, facts.perceptual_hash)


def _note_forms(course: _Course, item: Item, facts: Facts) -> None:
    """Count palette and grey files, and masks of 0 and 1 and of 0 and 255."""
    # Scribbles are no masks: palettes are compared among files of one meaning only.
    forms: list[tuple[str, object]] = [('palette', flag) for flag in facts.palette if len(course.plan.labels) == 1]
    if facts.scale is not None:
        forms.append(('scale', facts.scale))
    for form in forms:
        course.form_counts[form] = course.form_counts.get(form, 0) + 1
        if len(course.forms.setdefault(form, [])) < _KEPT:
            course.forms[form].append(item.name)


def _note_pairing(plan: Plan, item: Item, findings: Findings, drop: str) -> None:
    if item.image is None:
        findings.add('no-image', _shown(plan, item.labels[0][1]), '', drop)
        return
    if plan.video or not plan.labels:
        return
    roles = {role for role, _ in item.labels}
    lacking = [role for role in plan.labels if role not in roles and role not in plan.optional]
    if lacking or not roles:
        findings.add('no-label', _shown(plan, item.image), f'no {lacking[0]}' if lacking else '', drop)


def _close_group(course: _Course) -> None:
    group = course.group
    if group is None:
        return
    course.judged.add(group.name)
    course.counts['groups'] += bool(group.stems)
    if course.plan.groups != ['']:
        judge_group(course.plan, group, course.findings)


def _finish(course: _Course) -> None:
    """Groups and videos without any file, and forms of label files that are mixed."""
    plan, findings = course.plan, course.findings
    _close_group(course)
    for name in plan.groups:
        if name not in course.judged and (plan.names is None or name in plan.names):
            judge_group(plan, Group(name), findings)
    mixtures: tuple[tuple[str, str, dict[object, str]], ...] = (
        ('mixed-palette', 'palette', {True: 'with a palette', False: 'grey'}),
        ('mixed-scale', 'scale', {1: 'of 0 and 1', 255: 'of 0 and 255'}),
    )
    for kind, role, names in mixtures:
        found = {value: count for (r, value), count in course.form_counts.items() if r == role}
        if len(found) > 1:
            rare = min(found, key=lambda value: found[value])
            others = ', '.join(f'{count} {names[value]}' for value, count in found.items() if value != rare)
            for name in course.forms[role, rare]:
                findings.add(kind, name, f'{names[rare]}; {others}')


def _note_counts(published: Published, course: _Course, requested: bool) -> None:
    wrong = published.mismatch(course.counts)
    if wrong:
        if requested:
            course.findings.levels['counts'] = 'error'
        course.findings.add('counts', published.name, wrong)


def _clean(course: _Course) -> list[str]:
    dropped = course.findings.dropped
    if course.plan.groups == ['']:
        return [name for name in course.names if name not in dropped]
    used = dict.fromkeys(name.rpartition('/')[0] for name in course.names)
    return [group for group in used if group not in dropped]


def _shown(plan: Plan, path: str | None) -> str:
    return '' if path is None else str(Path(path).relative_to(plan.root))
