"""One unit of work, scored from files: some images of a group, or a whole video."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, overload

import numpy as np

from salseg.errors import DataError, LabelError
from salseg.evaluation.protocols import MapProtocol, MaskProtocol, PartialResult, Problem, Protocol
from salseg.io.annotations import check_index_labels, read_annotation, read_map, read_truth
from salseg.io.values import present_values

T = TypeVar('T')
# Decoded frames that a process keeps of one side of one video: metrics look at a frame more than once.
CACHE_BYTES = 128 * 2**20
# Images per unit of work: each process reports often, and a kill loses little.
IMAGES = 16


@dataclass(frozen=True)
class ScoredItem:
    """One annotated frame.

    Attributes:
        stem: Relative path without suffix.
        truth: Its ground truth.
        prediction: None scores as empty.
        counted: Whether the protocol counts it.
    """

    stem: str
    truth: Path
    prediction: Path | None
    counted: bool = True


@dataclass(frozen=True)
class ScoringTask:
    """What one process scores at a time.

    Attributes:
        method: Name of the predictions.
        group: Group or video.
        items: Frames, in order.
        resize: Whether maps of another size are resized.
        key: Of its record.
    """

    method: str
    group: str
    items: tuple[ScoredItem, ...]
    resize: bool = False
    key: str = ''


# Scores of a unit that somebody has already; None where it has to be scored.
Known = Callable[[ScoringTask], PartialResult | None]


def in_pieces(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Images of one group by the unit of work. Sums are added up unit by unit, whoever scores: to the last bit alike."""
    for start in range(0, len(items), IMAGES):
        yield items[start : start + IMAGES]


def score(protocol: Protocol, work: ScoringTask) -> PartialResult:
    """Score one unit; what does not fit is a problem of the part, and not an error."""
    if isinstance(protocol, MaskProtocol):
        return _score_video(protocol, work)
    if isinstance(protocol, MapProtocol):
        return _score_maps(protocol, work)
    raise DataError(
        f'{protocol.name}: a {type(protocol).__name__} is derived neither from MapProtocol nor MaskProtocol.'
    )


def _score_maps(protocol: MapProtocol, work: ScoringTask) -> PartialResult:
    problems, scores, missing, resized = [], [], 0, 0
    for item in work.items:
        try:
            truth = read_truth(item.truth)
            prediction = np.zeros_like(truth) if item.prediction is None else read_map(item.prediction)
            differs = prediction.shape != truth.shape
            if differs and not work.resize:
                problems.append(_other_size(item.stem, prediction.shape, truth.shape))
                continue
            scores.append((item.stem, protocol.scores(prediction, truth)))
        except DataError as error:
            problems.append(_unusable(item.stem, error))
            continue
        missing += item.prediction is None
        resized += differs
    part = protocol.part(work.group, scores)
    part.problems, part.missing, part.resized = problems, missing, resized
    return part


def _unusable(stem: str, error: DataError) -> Problem:
    return Problem('wrong values' if isinstance(error, LabelError) else 'unreadable', stem, str(error))


def _other_size(stem: str, found: Sequence[int], expected: Sequence[int]) -> Problem:
    text = '{} x {}'.format
    return Problem('other size', stem, f'{text(*found)}, the ground truth {text(*expected)} (height x width)')


def _score_video(protocol: MaskProtocol, work: ScoringTask) -> PartialResult:
    problems: list[Problem] = []
    stems = [item.stem for item in work.items]
    try:
        truth = truth_frames(protocol, work)
        allowed = {0, *protocol.allowed(truth, work.group)}
        prediction = _prediction_frames(protocol, work, truth, allowed, problems)
        part = protocol.part(work.group, truth, prediction, stems)
    except DataError as error:
        part = PartialResult(work.group)
        # What follows from a frame that was replaced by an empty one is no news.
        if not problems:
            problems.append(Problem('not scored', work.group or '.', str(error)))
    part.problems = list(dict.fromkeys(problems))
    part.missing = sum(item.counted and item.prediction is None for item in work.items)
    return part


def truth_frames(protocol: MaskProtocol, work: ScoringTask) -> 'LazyFrames':
    """Ground truth of a video as the protocol sees it.

    Raises:
        DataError: A file cannot be read, or its labels are not what the protocol takes.
    """
    files = [item.truth for item in work.items]
    encoding = protocol.encoding(files)
    if encoding == 'index' and not protocol.takes_masks:
        check_index_labels(files, work.group or '.')

    def read(number: int) -> np.ndarray:
        return protocol.labels(read_annotation(work.items[number].truth, encoding))

    return LazyFrames(len(work.items), read, read(0).shape)


def _prediction_frames(
    protocol: MaskProtocol, work: ScoringTask, truth: 'LazyFrames', allowed: set[int], problems: list[Problem]
) -> 'LazyFrames':
    encoding = _prediction_encoding(protocol, work)

    def read(number: int) -> np.ndarray:
        item = work.items[number]
        if item.prediction is None:
            return np.zeros_like(truth[number])
        if not item.counted:
            # It is looked at by no metric, and may be anything.
            return np.zeros_like(truth[number])
        try:
            labels = protocol.labels(read_annotation(item.prediction, encoding))
        except DataError as error:
            problems.append(_unusable(item.stem, error))
            return np.zeros_like(truth[number])
        if labels.shape != truth[number].shape:
            problems.append(_other_size(item.stem, labels.shape, truth[number].shape))
            return np.zeros_like(truth[number])
        foreign = sorted({int(value) for value in present_values(labels)} - allowed)
        if foreign:
            problems.append(Problem('wrong id', item.stem, _foreign(foreign, allowed)))
            return np.zeros_like(truth[number])
        return labels

    return LazyFrames(len(work.items), read, truth.size)


def _prediction_encoding(protocol: MaskProtocol, work: ScoringTask) -> str:
    try:
        return protocol.encoding([i.prediction for i in work.items if i.prediction is not None and i.counted])
    except DataError:
        # Told of the file itself when its frame is read.
        return 'index'


def _foreign(found: Sequence[int], allowed: set[int]) -> str:
    listed = ', '.join(map(str, found[:8])) + (', ...' if len(found) > 8 else '')
    objects = sorted(allowed - {0})
    span = f'1..{objects[-1]}' if objects == list(range(1, len(objects) + 1)) else ', '.join(map(str, objects))
    return f'holds the label {listed}; expected 0 and {span}'


class LazyFrames(Sequence[np.ndarray]):
    """Frames of a video, decoded when looked at; as many stay in memory as fit a budget.

    Args:
        length: Number of frames.
        read: Frame of a number.
        size: (height, width) of a frame.
    """

    def __init__(self, length: int, read: Callable[[int], np.ndarray], size: tuple[int, ...]) -> None:
        self.length, self.size = length, size
        self._read = lru_cache(maxsize=max(2, CACHE_BYTES // max(1, size[0] * size[1])))(read)

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, number: int) -> np.ndarray: ...

    @overload
    def __getitem__(self, number: slice) -> list[np.ndarray]: ...

    def __getitem__(self, number: int | slice) -> np.ndarray | list[np.ndarray]:
        if isinstance(number, slice):
            return [self[place] for place in range(*number.indices(self.length))]
        if not -self.length <= number < self.length:
            raise IndexError(number)
        return self._read(number % self.length)
