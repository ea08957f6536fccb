"""Protocols of object masks in videos: J and F over time."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from salseg.errors import DataError
from salseg.evaluation.functional import (
    SequenceScores,
    davis_summary,
    label_scores,
    object_metrics,
    segtrack_summary,
    semi_supervised,
    single_object,
    unsupervised,
)
from salseg.evaluation.functional.davis import MAX_PROPOSALS, mask_scores
from salseg.evaluation.functional.frames import Frames, objects_of_first_frame
from salseg.evaluation.functional.statistics import nan_mean
from salseg.evaluation.protocols.base import Accumulator, Metrics, PartialResult, Protocol
from salseg.io.annotations import UNKNOWN, are_masks
from salseg.io.files import PathLike
from salseg.io.values import present_values

DAVIS_COLUMNS = ('J&F', 'J_mean', 'J_recall', 'J_decay', 'F_mean', 'F_recall', 'F_decay')


@dataclass(frozen=True, kw_only=True)
class MaskProtocol(Protocol):
    """J and F of the objects of labelled videos.

    Attributes:
        skip_first_last: The first and the last frame of a video do not count.
        binary: Everything above 0 is one object.
        takes_masks: A video whose files all hold 0 and 255 only is one of one object.
    """

    columns: tuple[str, ...] = DAVIS_COLUMNS
    rank_by: str = 'J&F'
    worst_by: str = 'J&F'
    unit: str = 'video'
    binary: bool = False
    takes_masks: bool = False

    @property
    def kind(self) -> str:
        return 'masks'

    @property
    def all_columns(self) -> tuple[str, ...]:
        """J, F, their mean, recall and decay."""
        return DAVIS_COLUMNS

    def total(self) -> 'MaskTotal':
        """A fresh sum."""
        return MaskTotal(self)

    def labels(self, values: np.ndarray) -> np.ndarray:
        """What ids mean here: where the protocol has one object, it is all of them, without void."""
        return ((values > 0) & (values < UNKNOWN)).astype(np.uint8) if self.binary else values

    def encoding(self, files: Sequence[PathLike]) -> str:
        """How the files of one video are read, for :func:`salseg.io.annotations.read_annotation`.

        Raises:
            DataError: A file cannot be read.
        """
        return 'union' if self.binary or (self.takes_masks and are_masks(files)) else 'index'

    @abstractmethod
    def allowed(self, truth: Frames, group: str) -> Collection[int]:
        """Labels that a prediction of this video may hold besides 0."""

    @abstractmethod
    def score_video(self, truth: Frames, prediction: Frames, group: str, stems: Sequence[str]) -> SequenceScores:
        """J and F of one video; frames are (H, W) uint8 labels, `stems` their names.

        Raises:
            DataError: Frames do not fit, or a label is none of the ground truth's.
        """

    def part(self, group: str, truth: Frames, prediction: Frames, stems: Sequence[str]) -> PartialResult:
        """Score one video."""
        scores = self.score_video(truth, prediction, group, stems)
        numbers = self.counted(stems, group) if scores.region.shape[1] != len(stems) else range(len(stems))
        arrays = dict(
            objects=np.array(scores.objects), region=scores.region, boundary=scores.boundary, frames=np.array(numbers)
        )
        return PartialResult(group, object_rows(group, scores), arrays)

    def summary(self, videos: Mapping[str, SequenceScores]) -> Metrics:
        """Metrics of a data set."""
        return davis_summary(videos)


def object_rows(group: str, scores: SequenceScores) -> list[tuple[str, dict[str, float]]]:
    """Metrics of every object of a video."""
    rows = []
    for name, metrics in object_metrics({group: scores}).items():
        rows.append((name, {'J&F': (metrics['J_mean'] + metrics['F_mean']) / 2, **metrics}))
    return rows


class MaskTotal(Accumulator):
    """J and F of all objects of a data set.

    Args:
        protocol: Says how objects are averaged.
    """

    def __init__(self, protocol: MaskProtocol) -> None:
        self.protocol = protocol
        self.videos: dict[str, SequenceScores] = {}

    def add(self, part: PartialResult) -> None:
        """Take one video in."""
        objects = tuple(int(k) for k in part.arrays['objects'])
        self.videos[part.group] = SequenceScores(objects, part.arrays['region'], part.arrays['boundary'])

    def metrics(self) -> Metrics:
        """Metrics of the data set.

        Raises:
            DataError: Nothing was scored.
        """
        return self.protocol.summary(self.videos)

    def counts(self) -> dict[str, int]:
        """Videos, objects, and frames in which an object was scored."""
        return dict(
            videos=len(self.videos),
            objects=sum(len(scores.objects) for scores in self.videos.values()),
            frames=sum(counted_frames(scores) for scores in self.videos.values()),
        )

    def groups(self) -> dict[str, dict[str, float]]:
        """Metrics of every video."""
        return {name: self._video(name, scores) for name, scores in self.videos.items()}

    def _video(self, name: str, scores: SequenceScores) -> dict[str, float]:
        counts = dict(frames=float(counted_frames(scores)), objects=float(len(scores.objects)))
        return {**counts, **davis_summary({name: scores})}


def counted_frames(scores: SequenceScores) -> int:
    """Frames in which at least one object counts."""
    return int((~np.isnan(scores.region)).any(axis=0).sum())


@dataclass(frozen=True, kw_only=True)
class SemiSupervisedProtocol(MaskProtocol):
    """DAVIS 2017: the first mask is given."""

    def allowed(self, truth: Frames, group: str) -> Collection[int]:
        """Objects of the first frame."""
        return objects_of_first_frame(truth)

    def score_video(self, truth: Frames, prediction: Frames, group: str, stems: Sequence[str]) -> SequenceScores:
        """See `semi_supervised`."""
        return semi_supervised(truth, prediction, skip_first_last=self.skip_first_last)


@dataclass(frozen=True, kw_only=True)
class SingleObjectProtocol(MaskProtocol):
    """DAVIS 2016: foreground against background."""

    def allowed(self, truth: Frames, group: str) -> Collection[int]:
        """Readers make everything above 0 object 1."""
        return (1,)

    def score_video(self, truth: Frames, prediction: Frames, group: str, stems: Sequence[str]) -> SequenceScores:
        """See `single_object`."""
        return single_object(truth, prediction, skip_first_last=self.skip_first_last)

    def frame_scores(self, prediction: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
        """J and F of one frame, masks (H, W) bool: with one object no other frame has a say."""
        return mask_scores(prediction, truth)

    def part_of_scores(self, group: str, scores: Sequence[tuple[float, float]]) -> PartialResult:
        """The part of a video from J and F of the frames that count, in temporal order."""
        region, boundary = np.array(scores, np.float64).T
        found = SequenceScores((1,), region[None], boundary[None])
        arrays = dict(objects=np.array(found.objects), region=found.region, boundary=found.boundary)
        return PartialResult(group, object_rows(group, found), arrays)


@dataclass(frozen=True, kw_only=True)
class UnsupervisedProtocol(MaskProtocol):
    """DAVIS 2019: proposals that nobody named."""

    def allowed(self, truth: Frames, group: str) -> Collection[int]:
        """The first twenty labels."""
        return range(1, MAX_PROPOSALS + 1)

    def score_video(self, truth: Frames, prediction: Frames, group: str, stems: Sequence[str]) -> SequenceScores:
        """See `unsupervised`."""
        return unsupervised(truth, prediction)


@dataclass(frozen=True, kw_only=True)
class FirstAppearanceProtocol(MaskProtocol):
    """Objects count from the frame after their first one.

    Attributes:
        given_counts: The frame in which an object appears first counts too: for methods that are given nothing.
        region_only: J alone, as SegTrack-v2 reports.
    """

    given_counts: bool = False
    region_only: bool = False
    takes_masks: bool = True

    @property
    def all_columns(self) -> tuple[str, ...]:
        """J alone, or those of DAVIS."""
        return ('J_mean',) if self.region_only else DAVIS_COLUMNS

    def counted(self, stems: Sequence[str], group: str) -> list[int]:
        """All frames; the first only where what is given counts.

        Raises:
            DataError: Nothing is left.
        """
        start = 0 if self.given_counts else 1
        if len(stems) <= start:
            raise DataError(
                f'{self.name}: the video {group!r} has {len(stems)} annotated frames, and the one that gives the '
                'objects does not count. Leave it out with --list.'
            )
        return list(range(start, len(stems)))

    def allowed(self, truth: Frames, group: str) -> Collection[int]:
        """Labels of all frames of the ground truth."""
        return tuple(first_frames(truth))

    def score_video(self, truth: Frames, prediction: Frames, group: str, stems: Sequence[str]) -> SequenceScores:
        """See `label_scores`; an object that is seen in the last frame only is left out."""
        last = len(truth) - 1
        given = {k: first for k, first in first_frames(truth).items() if first < last or self.given_counts}
        if not given:
            raise DataError(f'{group}: no object of the ground truth has a frame that counts.')
        return label_scores(truth, prediction, given, given_counts=self.given_counts)

    def summary(self, videos: Mapping[str, SequenceScores]) -> Metrics:
        """J&F over objects, or J alone."""
        return segtrack_summary(videos.values()) if self.region_only else davis_summary(videos)


def first_frames(truth: Frames) -> dict[int, int]:
    """By label, ascending, the first frame that holds it; 255 is no object."""
    first: dict[int, int] = {}
    for number in range(len(truth)):
        for k in present_values(truth[number]):
            if k not in (0, UNKNOWN):
                first.setdefault(int(k), number)
    return dict(sorted(first.items()))


def object_means(videos: Mapping[str, SequenceScores]) -> dict[tuple[str, int], tuple[float, float]]:
    """Mean J and F of every object, by video and label."""
    return {
        (name, k): (nan_mean(region), nan_mean(boundary))
        for name, scores in videos.items()
        for k, region, boundary in zip(scores.objects, scores.region, scores.boundary)
    }


_segtrack = partial(
    FirstAppearanceProtocol,
    source='defined here: SegTrack-v2 has no code',
    columns=('J_mean',),
    rank_by='J_mean',
    worst_by='J_mean',
)

MASK_PROTOCOLS = (
    SingleObjectProtocol(
        name='davis16',
        title='DAVIS 2016, one foreground',
        rule='all but the first and the last frame; everything above 0 is object; every video counts the same',
        source='Perazzi et al., CVPR 2016',
        skip_first_last=True,
        binary=True,
    ),
    SemiSupervisedProtocol(
        name='davis17-semi',
        title='DAVIS 2017, first mask given',
        rule='objects of the first frame, all frames but the first and the last; every object counts the same',
        source='davis2017-evaluation',
        skip_first_last=True,
    ),
    UnsupervisedProtocol(
        name='davis17-unsup',
        title='DAVIS 2017, proposals matched with objects',
        rule='all frames, void left out, at most 20 proposals, assigned by mean J&F; every object counts the same',
        source='davis2017-evaluation (Caelles et al., 2019)',
    ),
    FirstAppearanceProtocol(
        name='vos',
        title='labelled videos of any kind',
        rule='every object from the frame after its first one; every object counts the same',
        source='as vos-benchmark, without dropping frames',
    ),
    SingleObjectProtocol(
        name='fbms',
        title='FBMS-59, union of the objects',
        rule='all annotated frames; everything above 0 is object; every video counts the same',
        source='as a segmentation benchmark, RCRNet paper',
        columns=('J_mean', 'F_mean', 'J&F'),
        rank_by='J_mean',
        worst_by='J_mean',
        binary=True,
    ),
    _segtrack(
        name='segtrack',
        title='SegTrack-v2, first mask given',
        rule='mean J of each object without its first frame, then over objects',
        region_only=True,
    ),
    _segtrack(
        name='segtrack-unsup',
        title='SegTrack-v2, nothing given',
        rule='mean J of each object over all frames from its first on, then over objects',
        region_only=True,
        given_counts=True,
    ),
)
