"""What can be wrong with a data set, how bad it is, and what to do."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from salseg.errors import DataError

LEVELS = ('error', 'warning', 'note')


@dataclass(frozen=True)
class Kind:
    """A kind of finding.

    Attributes:
        level: 'error': a loader refuses it or a model learns something wrong; 'warning': usable, but a metric may
            depend on it; 'note': usual in some sets.
        title: What it is.
        advice: What to do.
    """

    level: str
    title: str
    advice: str


_LEAVE = 'or leave them out: --write-list'

KINDS = {
    'unreadable': Kind('error', 'files that cannot be read', f'fetch them again, {_LEAVE}'),
    'no-label': Kind('error', 'images without annotation', f"annotate them, {_LEAVE} or missing='skip' in the config"),
    'no-image': Kind('error', 'annotations without image', 'add the images or move the annotations away'),
    'empty-set': Kind('error', 'groups or videos without images', f'fill or remove the folders, {_LEAVE}'),
    'unlabelled-set': Kind('error', 'groups or videos without any annotation', f'annotate them, {_LEAVE}'),
    'list-unknown': Kind('error', 'names on a list that are not there', 'correct the list; one name a line, no suffix'),
    'list-twice': Kind('warning', 'names that a list has twice', 'remove the second; it would count double'),
    'in-both-lists': Kind('error', 'names on the training list and on a test list', 'take them off the training list'),
    'meta': Kind('error', 'meta.json and files that do not agree', 'unpack the release again; fix meta.json'),
    'size-differs': Kind('error', 'image and annotation of different sizes', f'fix the pairs, {_LEAVE}'),
    'frame-sizes': Kind('error', 'videos whose frames differ in size', f'convert them with one size, {_LEAVE}'),
    'frame-gap': Kind(
        'error', 'videos in which a frame number is missing', "add the frames, or gaps='allow' in the config"
    ),
    'one-frame-video': Kind('error', 'videos of one frame', f'there is nothing to track; remove them, {_LEAVE}'),
    'group-of-one': Kind('warning', 'groups of one image', 'nothing is common to one image; merge or remove them'),
    'few-labels': Kind(
        'warning', 'videos with one or two annotations', 'benchmarks drop the first and the last: nothing would be left'
    ),
    'colour-label': Kind(
        'error', 'annotations in colour or half transparent', 'save them in grey, or ids as a palette PNG (mode P)'
    ),
    'wrong-values': Kind(
        'error', 'annotations that are not what they are read as', 'the message names the encoding that fits'
    ),
    'exif-label': Kind('warning', 'annotations that EXIF turns', 'they are read as they are stored; turn the pixels'),
    'jpeg-label': Kind(
        'warning', 'annotations saved as JPEG', 'edges are blurred for good; better fetch the PNG release'
    ),
    'odd-mode': Kind(
        'warning', 'annotations with 16 bits, with a point or in alpha', 'save them as 8-bit grey or palette PNG'
    ),
    'grey-edges': Kind(
        'warning',
        'masks with values between background and object',
        'they are cut at half scale; metrics may differ by it',
    ),
    'ids-as-mask': Kind(
        'error', 'object ids where a mask is expected', "read them with encoding='index', or save masks as 0 and 255"
    ),
    'soft-ids': Kind(
        'error',
        'label files that hold soft edges rather than ids',
        'resize label files with nearest neighbour only',
    ),
    '255-object': Kind(
        'error', 'label files in which 255 is the object', "255 means unknown there: read them with encoding='binary'"
    ),
    'void': Kind('note', 'label files with 255 beside ids', '255 is unknown: not trained on and not scored'),
    'id-gap': Kind('warning', 'videos with gaps in their object ids', 'salseg keeps ids; other tools expect 1..K'),
    'late-object': Kind(
        'note',
        'videos with objects that enter after the first annotation',
        "DAVIS' tools count those of the first only",
    ),
    'empty-first': Kind(
        'error', 'videos whose first annotation is empty', f'there is no prompt; start later, {_LEAVE}'
    ),
    'empty-mask': Kind('warning', 'annotations without object', 'intended? Several metrics are undefined on them'),
    'away': Kind('note', 'frames in which every object is away', 'usual in videos'),
    'full-mask': Kind(
        'warning', 'annotations that are object everywhere', 'intended? Inverted or broken files look so'
    ),
    'scribble-codes': Kind(
        'error', 'scribbles with other codes than 0, 1, 2', 'salseg convert scribbles or painted reads other codes'
    ),
    'one-scribble': Kind(
        'error',
        'scribbles of one class only',
        "draw the other, or LoadLabels(one_sided='allow') in the config",
    ),
    'no-scribble': Kind('error', 'scribbles without a labelled pixel', f'draw some, {_LEAVE}'),
    'dense-scribble': Kind('warning', 'scribbles that label more than a quarter of the pixels', 'are they masks?'),
    'scribble-off-mask': Kind(
        'warning', 'scribbles that lie on the wrong side of the mask', 'hands slip; is the pair right?'
    ),
    'mixed-palette': Kind('warning', 'palette files beside grey ones', 'save all in one way'),
    'mixed-scale': Kind('warning', 'masks of 0 and 1 beside masks of 0 and 255', 'save all in one way'),
    'two-files': Kind('warning', 'several files of one name', 'the first is used; remove the others'),
    'exif': Kind(
        'warning',
        'images that EXIF turns',
        'training and test read images as they are stored, as masks have no EXIF; turn the pixels',
    ),
    'same-image': Kind('warning', 'images that occur more than once', 'keep one; it would count double'),
    'train-and-test': Kind(
        'error', 'the same image in training and test', 'take it out of the training set: --write-list'
    ),
    'near-image': Kind('warning', 'images that look the same', 'look at them; crops and re-encodings look so'),
    'near-train-and-test': Kind('warning', 'images of training and test that look the same', 'look at them'),
    'counts': Kind('warning', 'other numbers than published', 'is the copy complete? --list checks a split'),
}


@dataclass(frozen=True)
class Finding:
    """One place where something was found."""

    where: str
    detail: str = ''


@dataclass
class Findings:
    """What was found, by kind, in the order it was met.

    Attributes:
        allowed: Kinds that the user accepts; they are shown and do not count.
        strict: Warnings count as errors.
        by_kind: Places.
        dropped: Names that a clean list leaves out: of images, groups or videos.
        levels: Of kinds that count other than usual.
    """

    allowed: frozenset[str] = frozenset()
    strict: bool = False
    by_kind: dict[str, list[Finding]] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    levels: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.allowed) - set(KINDS))
        if unknown:
            raise DataError(f'--allow {unknown[0]}: no such finding; there are {", ".join(KINDS)}.')

    def add(self, kind: str, where: str, detail: str = '', name: str | None = None) -> None:
        """Note a place; ``name`` is what a clean list leaves out for it, if the kind counts."""
        self.by_kind.setdefault(kind, []).append(Finding(where, detail))
        if name is not None and self.counts(kind):
            self.dropped.add(name)

    def level(self, kind: str) -> str:
        """'error', 'warning', 'note', or 'allowed'."""
        return 'allowed' if kind in self.allowed else self.levels.get(kind, KINDS[kind].level)

    def counts(self, kind: str) -> bool:
        """Whether a finding of the kind makes the check fail."""
        level = self.level(kind)
        return level == 'error' or (self.strict and level == 'warning')

    @property
    def failed(self) -> bool:
        """Whether something is wrong."""
        return any(self.counts(kind) for kind in self.by_kind)

    def total(self, levels: Collection[str]) -> int:
        """Number of findings of some levels."""
        return sum(len(found) for kind, found in self.by_kind.items() if self.level(kind) in levels)

    def ordered(self) -> Iterable[tuple[str, list[Finding]]]:
        """Kinds and places, the worst first."""
        order = (*LEVELS, 'allowed')
        kinds = list(KINDS)
        return sorted(self.by_kind.items(), key=lambda item: (order.index(self.level(item[0])), kinds.index(item[0])))
