"""What a report keeps of the parts that pass by: the worst cases, and values over time. Both stay small."""

import heapq
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from salseg.evaluation.protocols import MapProtocol, PartialResult, Protocol
from salseg.evaluation.tasks import ScoredItem, ScoringTask

# Metrics of a frame of a video of maps that are drawn over time.
MAP_SERIES = ('s_measure', 'mean_f', 'mae')


@dataclass(frozen=True)
class Case:
    """An image, or an object in its worst frame.

    Attributes:
        method: Name of the predictions.
        name: Image or object.
        metric: By which it is a worst case: the protocol's, or the first one that was computed.
        value: Of it.
        item: Its frame.
        label: Object in a label map; None for maps.
    """

    method: str
    name: str
    metric: str
    value: float
    item: ScoredItem
    label: int | None

    @property
    def prediction(self) -> Path | None:
        """File of the prediction; None if it is missing."""
        return self.item.prediction


class WorstCases:
    """The worst rows of every method.

    Args:
        protocol: Says by which metric.
        number: How many are kept of each method.
    """

    def __init__(self, protocol: Protocol, number: int = 12) -> None:
        self.protocol, self.number = protocol, number
        self._kept: dict[str, list[tuple[float, str, Case]]] = defaultdict(list)

    def take(self, work: ScoringTask, part: PartialResult) -> None:
        """Keep what is worse than the best of the kept ones."""
        for row, (name, metrics) in enumerate(part.rows if self.number > 0 else ()):
            metric = self.protocol.worst_by if self.protocol.worst_by in metrics else next(iter(metrics))
            badness = metrics[metric] if metric in self.protocol.lower_is_better else -metrics[metric]
            kept = self._kept[work.method]
            if np.isnan(badness) or (len(kept) >= self.number and badness <= kept[0][0]):
                continue
            entry = (badness, name, self._case(work, part, row, metric))
            (heapq.heappush if len(kept) < self.number else heapq.heappushpop)(kept, entry)

    def _case(self, work: ScoringTask, part: PartialResult, row: int, metric: str) -> Case:
        name, metrics = part.rows[row]
        if isinstance(self.protocol, MapProtocol):
            item = next(item for item in work.items if item.stem == name)
            return Case(work.method, name, metric, metrics[metric], item, None)
        quality = part.arrays['region'][row] + part.arrays['boundary'][row]
        item = work.items[int(part.arrays['frames'][int(np.nanargmin(quality))])]
        return Case(work.method, name, metric, metrics[metric], item, int(part.arrays['objects'][row]))

    def of(self, method: str) -> list[Case]:
        """Worst cases of a method, the worst first."""
        return [case for _, _, case in sorted(self._kept[method], key=lambda entry: (-entry[0], entry[1]))]


class TimeSeries:
    """Metrics of every frame of every video, as float32 arrays.

    Args:
        protocol: J and F of masks, or some metrics of maps.
    """

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        # By video, then by method: (curves, frames), and the names of the curves and frames.
        self._values: dict[str, dict[str, list[np.ndarray]]] = defaultdict(lambda: defaultdict(list))
        self.curves: dict[str, tuple[str, ...]] = {}

    def take(self, work: ScoringTask, part: PartialResult) -> None:
        """Keep the values of a part."""
        if isinstance(self.protocol, MapProtocol):
            names = [n for n in MAP_SERIES if part.rows and n in part.rows[0][1]]
            values = np.array([[metrics[n] for _, metrics in part.rows] for n in names], np.float32)
        else:
            names = [f'{m} of {k}' for m in 'JF' for k in part.arrays['objects']]
            values = np.concatenate([part.arrays['region'], part.arrays['boundary']]).astype(np.float32)
        self.curves[part.group] = tuple(names)
        self._values[part.group][work.method].append(values)

    def videos(self) -> dict[str, dict[str, np.ndarray]]:
        """By video and method, (curves, frames) values."""
        return {
            video: {method: np.concatenate(pieces, axis=1) for method, pieces in methods.items()}
            for video, methods in self._values.items()
        }
