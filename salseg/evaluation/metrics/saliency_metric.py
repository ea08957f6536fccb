"""Metrics of saliency maps."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.logging import MMLogger
from terminaltables import AsciiTable
from torch import Tensor

from salseg.errors import ConfigError, DataError
from salseg.evaluation.folders import group_of
from salseg.evaluation.functional import SALIENCY_METRICS, Scores
from salseg.evaluation.metrics.base import NOT_HERE, SetMetric
from salseg.evaluation.metrics.grey import to_grey
from salseg.evaluation.protocols import MapProtocol, PartialResult, get_protocol
from salseg.evaluation.protocols.maps import COLUMNS
from salseg.evaluation.tasks import ScoringTask, in_pieces
from salseg.io.listing import in_order
from salseg.registry import METRICS

__all__ = ['COLUMNS', 'SaliencyMetric', 'table', 'to_grey']


@METRICS.register_module()
class SaliencyMetric(SetMetric):
    """MAE, S, E, F and weighted F of 8-bit maps by a named protocol, a row per data set.

    The metrics are those of `salseg evaluate` on the written maps: maps are rounded to 8 bits first, and protocol,
    averages and resizing are the same code.

    Args:
        normalize: Stretch each map to the whole range before measuring, as the field's tools do.
        metrics: Groups of metrics to compute, see `salseg.evaluation.functional.saliency_scores`; None takes
            the protocol's own.
        protocol: Name of a protocol of maps, see `salseg evaluate --list-protocols`.
        collect_device: 'cpu' or 'gpu'.

    Attributes:
        summaries: After evaluation, all metrics and curves by data set, and what was counted.

    Raises:
        ConfigError: The protocol is one of masks.
    """

    def __init__(
        self,
        normalize: bool = True,
        metrics: Sequence[str] | None = ('mae', 's', 'weighted_f', 'f', 'e'),
        protocol: str = 'sod',
        collect_device: str = 'cpu',
    ) -> None:
        super().__init__(collect_device)
        found = get_protocol(protocol)
        if not isinstance(found, MapProtocol):
            raise ConfigError(f'SaliencyMetric: {protocol!r} is a protocol of object masks; use VideoObjectMetric.')
        chosen: dict[str, Any] = {} if normalize else dict(normalize=False)
        if metrics is not None and 'metrics' in found.options:
            chosen['metrics'] = tuple(metrics)
        self.rules: MapProtocol = found.with_options(**chosen)
        self.normalize = normalize
        self.summaries = {}
        self._scores: dict[str, dict[str, dict[str, Scores]]] = {}

    @property
    def protocol(self) -> str:
        """Name of the protocol."""
        return self.rules.name

    def record(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Scores of the annotated frames of one item.

        Raises:
            DataError: The item has no ground truth.
        """
        frames = zip(sample.get('frame_ids') or [sample['set_id']], sample['pred_maps'], sample.get('gt_maps') or [])
        scores = {str(name): self._score(guess, truth) for name, guess, truth in frames if truth is not None}
        if not scores:
            raise DataError(
                f'{sample["dataset"]} / {sample["set_id"]} has no annotated frame. Is LoadGroundTruth in the pipeline?'
            )
        ordered = bool(sample.get('ordered'))
        return dict(dataset=sample['dataset'], set_id=str(sample['set_id']), ordered=ordered, scores=scores)

    def _score(self, prediction: Tensor | np.ndarray, truth: np.ndarray) -> Scores:
        return self.rules.scores(to_grey(prediction), truth)

    def summarise(self, records: Sequence[dict[str, Any]]) -> dict[str, float]:
        """Metrics as ``<data set>/<metric>``; prints the table."""
        by_set: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for record in records:
            by_set[record['dataset']].append(record)
        self._scores = {name: grouped(members) for name, members in by_set.items()}
        self.summaries = {name: self._summary(groups) for name, groups in self._scores.items()}
        text = table(self.summaries, self.protocol, self.normalize, self.rules.columns, self.absent)
        MMLogger.get_current_instance().info('\n' + text)
        return {
            f'{name}/{key}': float(value)
            for name, summary in self.summaries.items()
            for key, value in summary.items()
            if key in self.rules.columns
        }

    def add_curves(self) -> None:
        """See `SetMetric`: curves of F and E, and ROC."""
        if 'metrics' in self.rules.options:
            wanted = {*self.rules.metrics, 'f', 'e', 'roc'}
            self.rules = self.rules.with_options(metrics=tuple(n for n in SALIENCY_METRICS if n in wanted))

    def known(self, dataset: str) -> Callable[[ScoringTask], PartialResult | None]:
        """See `SetMetric`."""
        groups = self._scores[dataset]

        def part(task: ScoringTask) -> PartialResult | None:
            scores = groups.get(task.group, {})
            named = [
                (item.stem, scores.get(item.stem, scores.get(item.stem.rpartition('/')[2]))) for item in task.items
            ]
            found = [(stem, values) for stem, values in named if values is not None]
            return self.rules.part(task.group, found) if len(found) == len(named) else None

        return part

    def _summary(self, groups: Mapping[str, Mapping[str, Scores]]) -> dict[str, Any]:
        total, frames = self.rules.total(), 0
        for group, names in _as_files(groups):
            scores = groups[group]
            frames += len(names)
            counted = [names[i] for i in self.rules.counted(names, group)]
            for piece in in_pieces(counted):
                total.add(self.rules.part(group, [(name, scores[name]) for name in piece]))
        counts = total.counts()
        images = counts.get('images', counts.get('frames', 0))
        return dict(total.metrics(), images=images, counts=counts, dropped=frames - images)


def _as_files(groups: Mapping[str, Mapping[str, Scores]]) -> Iterator[tuple[str, list[str]]]:
    """Groups with their names, in the order in which `salseg evaluate` lists their files: sums are the same to the last bit."""
    first = {}
    for group, scores in groups.items():
        names = in_order(scores)
        inside = not group or names[0].startswith(f'{group}/')
        first[names[0] if inside else f'{group}/{names[0]}'] = group, names
    yield from (first[stem] for stem in in_order(first))


def grouped(records: Iterable[dict[str, Any]]) -> dict[str, dict[str, Scores]]:
    """Scores by group or video, then by frame.

    A set of several frames is a group or a video, and so is an ordered one. Any other single frame belongs to the one that
    its set id names: the set id itself, or, where that is the frame's own name, the part before the last '/'.

    Raises:
        DataError: A frame was scored twice.
    """
    groups: dict[str, dict[str, Scores]] = defaultdict(dict)
    for record in records:
        several = len(record['scores']) > 1 or record.get('ordered')
        for name, scores in record['scores'].items():
            same = name == record['set_id']
            group = record['set_id'] if several or not same else group_of(name)
            if name in groups[group]:
                raise DataError(
                    f'{record["dataset"]}: the frame {name} of {group!r} was scored twice. Test clips must not overlap.'
                )
            groups[group][name] = scores
    return groups


def table(
    summaries: Mapping[str, Mapping[str, Any]],
    protocol: str = 'sod',
    normalize: bool = True,
    columns: Sequence[str] = COLUMNS,
    absent: Sequence[str] = (),
) -> str:
    """The metrics as text, a row per name, the absent ones last; every row says how many images or frames were counted."""
    columns = [c for c in columns if any(c in summary for summary in summaries.values())]
    rows = [['', 'images', *columns]]
    for name, summary in summaries.items():
        rows.append([name, str(summary['images']), *(f'{summary[c]:.4f}' for c in columns)])
    rows += [[name, NOT_HERE, *('-' for _ in columns)] for name in absent]
    stretch = 'each map stretched to its own minimum and maximum' if normalize else 'maps as they are'
    lines = [AsciiTable(rows, f' protocol {protocol}: {stretch} ').table, get_protocol(protocol).rule]
    for name, summary in summaries.items():
        if summary.get('dropped'):
            lines.append(f'{name}: {summary["dropped"]} annotated frames dropped by the protocol')
    return '\n'.join(lines)
