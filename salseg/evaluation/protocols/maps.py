"""Protocols of saliency maps: an image beside its mask."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from salseg.evaluation.functional import (
    SALIENCY_METRICS,
    ScoreAccumulator,
    Scores,
    average_scores,
    cosod_scores,
    cosod_summary,
    resize_prediction,
    saliency_scores,
    summarize_scores,
)
from salseg.evaluation.functional.resize import Interpolation
from salseg.evaluation.functional.saliency import check_metrics
from salseg.evaluation.protocols.base import ALL, Accumulator, Metrics, PartialResult, Protocol, plain

COLUMNS = ('max_f', 'mean_f', 'adaptive_f', 'weighted_f', 's_measure', 'max_e', 'mean_e', 'adaptive_e', 'mae')
_LINEAR_MEANS = ('f', 'e', 'iou')
# What each group of `SALIENCY_METRICS` gives a table.
_COLUMNS_OF = {
    'f': ('max_f', 'mean_f', 'adaptive_f', 'mustd_f', 'mustd_precision', 'mustd_recall'),
    'weighted_f': ('weighted_f',),
    's': ('s_measure',),
    'e': ('max_e', 'mean_e', 'adaptive_e'),
    'iou': ('max_iou', 'mean_iou', 'adaptive_iou'),
    'roc': ('auc', 'average_precision', 'auc_of_mean_curve', 'average_precision_of_mean_curve'),
    'mae': ('mae',),
}


@dataclass(frozen=True, kw_only=True)
class MapProtocol(Protocol):
    """Metrics of `saliency_scores`, averaged over images, or within groups and then over groups.

    Attributes:
        by_group: Every group or video counts the same, not every image.
        interpolation: How a map of another size is brought to the size of its ground truth, see `resize_prediction`.
        normalize: Stretch every map to its own minimum and maximum first.
        metrics: Some of `SALIENCY_METRICS`.

    Raises:
        DataError: A metric is unknown.
    """

    by_group: bool = False
    interpolation: Interpolation = 'linear'
    normalize: bool = True
    metrics: tuple[str, ...] = SALIENCY_METRICS

    # Whether the first value of a curve belongs to the lowest threshold.
    ascending: ClassVar[bool] = False
    options: ClassVar[tuple[str, ...]] = ('normalize', 'metrics')

    def __post_init__(self) -> None:
        # Here rather than at the first image, whose file would be blamed.
        check_metrics(self.metrics)

    @property
    def kind(self) -> str:
        return 'maps'

    @property
    def all_columns(self) -> tuple[str, ...]:
        """Those of the groups of metrics that are computed."""
        return tuple(column for group, columns in _COLUMNS_OF.items() if group in self.metrics for column in columns)

    def with_metrics_of(self, columns: Iterable[str]) -> 'MapProtocol':
        """A copy that also computes what these columns need; names that are no columns of maps need nothing."""
        names = set(columns)
        if 'metrics' not in self.options:
            return self
        needed = {group for group, found in _COLUMNS_OF.items() if ALL in names or names & set(found)}
        return self.with_options(metrics=tuple(m for m in SALIENCY_METRICS if m in self.metrics or m in needed))

    @property
    def note(self) -> str:
        """Maps that are not stretched give other numbers than published tables."""
        return '' if self.normalize else 'maps as they are, not stretched'

    def total(self) -> 'MapTotal':
        """A fresh sum."""
        return MapTotal(self)

    def scores(self, prediction: np.ndarray, truth: np.ndarray) -> Scores:
        """Scores of one map.

        Args:
            prediction: (h, w) uint8.
            truth: (H, W) uint8, object above 128.

        Raises:
            DataError: See `saliency_scores`.
        """
        prediction = resize_prediction(prediction, truth.shape, self.interpolation)
        return saliency_scores(prediction, truth, normalize=self.normalize, metrics=self.metrics)

    def part(self, group: str, scores: Iterable[tuple[str, Scores]]) -> PartialResult:
        """Add up the scores of some images of a group, given by name."""
        sums, rows = ScoreAccumulator(), []
        for name, values in scores:
            sums.add(values)
            rows.append((name, image_row(values)))
        return PartialResult(group, rows, sums.arrays())

    def summary(self, mean: Scores) -> Metrics:
        """Metrics from averaged scores."""
        return summarize_scores(mean)


def image_row(scores: Scores) -> dict[str, float]:
    """Single numbers of one image; of a curve its mean, whose average over images is the data set's metric."""
    means = {f'mean_{n}': float(np.mean(scores[f'{n}_curve'])) for n in _LINEAR_MEANS if f'{n}_curve' in scores}
    return {**plain(scores), **means}


@dataclass(frozen=True, kw_only=True)
class EvalCosodProtocol(MapProtocol):
    """The metrics of eval-co-sod, over all images of all groups."""

    ascending: ClassVar[bool] = True
    options: ClassVar[tuple[str, ...]] = ()

    @property
    def all_columns(self) -> tuple[str, ...]:
        """What eval-co-sod computes."""
        return ('max_f', 'mean_f', 's_measure', 'max_e', 'mean_e', 'auc', 'average_precision', 'mae')

    def scores(self, prediction: np.ndarray, truth: np.ndarray) -> Scores:
        """Scores of one map, see `cosod_scores`."""
        return cosod_scores(prediction, truth)

    def summary(self, mean: Scores) -> Metrics:
        """Metrics from averaged scores."""
        return cosod_summary([mean])


class MapTotal(Accumulator):
    """Sums of a data set of maps, by group.

    Args:
        protocol: Says how groups are averaged.
    """

    def __init__(self, protocol: MapProtocol) -> None:
        self.protocol = protocol
        self._groups: dict[str, ScoreAccumulator] = {}
        self._images: dict[str, int] = {}

    def add(self, part: PartialResult) -> None:
        """Take one part in."""
        self._groups.setdefault(part.group, ScoreAccumulator()).merge(ScoreAccumulator(part.arrays))
        self._images[part.group] = self._images.get(part.group, 0) + len(part.rows)

    def metrics(self) -> Metrics:
        """Metrics and curves of the data set.

        Raises:
            DataError: Nothing was scored.
        """
        if self.protocol.by_group:
            return self.protocol.summary(average_scores(sums.mean() for sums in self._groups.values()))
        everything = ScoreAccumulator()
        for sums in self._groups.values():
            everything.merge(sums)
        return self.protocol.summary(everything.mean())

    def counts(self) -> dict[str, int]:
        """Images or frames, and groups or videos where there are several."""
        counts = {_images(self.protocol): sum(self._images.values())}
        if self.protocol.by_group or len(self._groups) > 1:
            counts[f'{self.protocol.unit}s'] = len(self._groups)
        return counts

    def groups(self) -> dict[str, dict[str, float]]:
        """Metrics of every group."""
        return {
            name: {_images(self.protocol): float(self._images[name]), **plain(self.protocol.summary(sums.mean()))}
            for name, sums in self._groups.items()
        }


def _images(protocol: MapProtocol) -> str:
    """What a protocol calls its images."""
    return 'frames' if protocol.unit == 'video' else 'images'


MAP_PROTOCOLS = (
    MapProtocol(
        name='sod',
        title='salient objects in images',
        rule='every image counts the same; largest and mean F, E, IoU of the averaged curve, 256 thresholds',
        source='pysodmetrics, PySODEvalToolkit',
        columns=COLUMNS,
        rank_by='s_measure',
        worst_by='s_measure',
    ),
    MapProtocol(
        name='cosod',
        title='co-salient objects, by group',
        rule='averaged within each group, then over groups; largest and mean values of the final curve',
        source='PySODEvalToolkit',
        columns=COLUMNS,
        rank_by='s_measure',
        worst_by='s_measure',
        by_group=True,
        interpolation='cubic',
    ),
    EvalCosodProtocol(
        name='cosod-evalcosod',
        title='co-salient objects, as eval-co-sod counts',
        rule='every image of every group counts the same; 255 thresholds on the map itself, MAE of the map as it is',
        source='github.com/zzhanghub/eval-co-sod',
        columns=('max_f', 'mean_f', 's_measure', 'max_e', 'mean_e', 'auc', 'average_precision', 'mae'),
        rank_by='s_measure',
        worst_by='s_measure',
    ),
    MapProtocol(
        name='vsod',
        title='salient objects in videos',
        rule='without the first and the last annotated frame, averaged within each video, then over videos',
        source='DAVSOD evaluation code (Fan et al., CVPR 2019)',
        columns=COLUMNS,
        rank_by='s_measure',
        worst_by='s_measure',
        unit='video',
        by_group=True,
        skip_first_last=True,
        interpolation='cubic',
    ),
)
