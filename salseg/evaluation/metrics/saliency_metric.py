"""Metrics of saliency maps."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
from mmengine.logging import MMLogger
from terminaltables import AsciiTable
from torch import Tensor

from salseg.errors import ConfigError, DataError
from salseg.evaluation.folders import group_of
from salseg.evaluation.functional import SALIENCY_METRICS
from salseg.evaluation.metrics.base import NOT_HERE, Named, SetMetric, metric_key
from salseg.evaluation.metrics.grey import to_grey
from salseg.evaluation.output.table import cell
from salseg.evaluation.protocols import Accumulator, MapProtocol, PartialResult, as_names, choose_columns, get_protocol
from salseg.evaluation.protocols import Protocol as AnyProtocol
from salseg.evaluation.protocols.maps import COLUMNS
from salseg.evaluation.tasks import Known, ScoringTask, in_pieces
from salseg.io.listing import in_order
from salseg.registry import METRICS

__all__ = ['COLUMNS', 'SaliencyMetric', 'table', 'to_grey']

# Of one frame, by protocol.
FrameScores = dict[str, Any]


class MapRules(Named, Protocol):
    """What a metric of maps needs of a protocol; `MapProtocol` has it."""

    @property
    def columns(self) -> tuple[str, ...]: ...
    @property
    def rule(self) -> str: ...
    @property
    def note(self) -> str: ...

    def scores(self, prediction: np.ndarray, truth: np.ndarray) -> Any:
        """Scores of one map, (H, W) uint8."""

    def counted(self, stems: Sequence[str], group: str) -> list[int]:
        """Positions of the frames that count."""

    def part(self, group: str, scores: Iterable[tuple[str, Any]]) -> PartialResult:
        """Scores of a group or video together."""

    def total(self) -> Accumulator:
        """A fresh sum."""


@METRICS.register_module()
class SaliencyMetric(SetMetric):
    """MAE, S, E, F and weighted F of 8-bit maps by one or several named protocols, a table each, a row per data set.

    The metrics are those of `salseg evaluate` on the written maps: maps are rounded to 8 bits first, and protocol,
    averages and resizing are the same code.

    Args:
        normalize: Stretch each map to the whole range before measuring, as the field's tools do.
        metrics: Groups of metrics to compute, see `salseg.evaluation.functional.saliency_scores`; None takes
            the protocol's own. What `columns` need is computed too.
        protocol: Name of a protocol of maps, or several, see `salseg evaluate --list-protocols`.
        columns: Metrics of the tables, in order, each in the tables of those protocols that have it; None: the protocol's
            own; 'all': all that there are.
        collect_device: 'cpu' or 'gpu'.

    Attributes:
        all_summaries: After evaluation, by protocol and data set, all metrics and curves, and what was counted.

    Raises:
        ConfigError: A protocol is one of masks.
        DataError: A protocol does not let one choose whether maps are stretched.
        UnknownName: There is no such protocol or column.
    """

    def __init__(
        self,
        normalize: bool = True,
        metrics: Sequence[str] | None = ('mae', 's', 'weighted_f', 'f', 'e'),
        protocol: str | Sequence[str] = 'sod',
        columns: str | Sequence[str] | None = None,
        collect_device: str = 'cpu',
    ) -> None:
        super().__init__(collect_device)
        chosen: dict[str, Any] = {} if normalize else dict(normalize=False)
        if metrics is not None:
            chosen['metrics'] = tuple(metrics)
        named = None if columns is None else as_names(columns)
        found = [self._configured(name, chosen, named or ()) for name in as_names(protocol)]
        if not found:
            raise ConfigError(f'{type(self).__name__}: protocol={protocol!r} names none.')
        shown = found if named is None else choose_columns(found, named)
        self.protocols: tuple[MapRules, ...] = tuple(self._map_rules(rules) for rules in shown)
        self.all_summaries: dict[str, dict[str, dict[str, Any]]] = {}
        self._groups: dict[str, dict[str, dict[str, FrameScores]]] = {}

    def _configured(self, name: str, chosen: Mapping[str, Any], columns: Sequence[str]) -> AnyProtocol:
        found = get_protocol(name)
        if not isinstance(found, MapProtocol):
            return found
        # eval-co-sod computes all of its metrics; stretching is no choice there, and is refused.
        options = {key: value for key, value in chosen.items() if key != 'metrics' or key in found.options}
        return found.with_options(**options).with_metrics_of(columns)

    def _map_rules(self, found: AnyProtocol) -> MapRules:
        """What scores maps by a protocol.

        Raises:
            ConfigError: It scores masks.
        """
        if not isinstance(found, MapProtocol):
            raise ConfigError(f'SaliencyMetric: {found.name!r} is a protocol of object masks; use VideoObjectMetric.')
        return found

    @property
    def rules(self) -> MapRules:
        """The first protocol."""
        return self.protocols[0]

    @property
    def protocol(self) -> str:
        """Name of the first protocol."""
        return self.rules.name

    @property
    def summaries(self) -> dict[str, dict[str, Any]]:
        """Of the first protocol."""
        return self.all_summaries.get(self.protocol, {})

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

    def _score(self, prediction: Tensor | np.ndarray, truth: np.ndarray) -> FrameScores:
        grey = to_grey(prediction)
        return {rules.name: rules.scores(grey, truth) for rules in self.protocols}

    def summarise(self, records: Sequence[dict[str, Any]]) -> dict[str, float]:
        """Metrics as ``<data set>/<metric>`` of the first protocol, of others ``<data set>/<protocol>/<metric>``.

        Prints a table for each protocol.
        """
        by_set: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for record in records:
            by_set[record['dataset']].append(record)
        self._groups = {name: grouped(members) for name, members in by_set.items()}
        self.all_summaries = {
            rules.name: {name: _summary(rules, groups) for name, groups in self._groups.items()}
            for rules in self.protocols
        }
        metrics: dict[str, float] = {}
        for rules in self.protocols:
            summaries = self.all_summaries[rules.name]
            text = table(summaries, rules.name, rules.note, rules.columns, self.absent)
            MMLogger.get_current_instance().info('\n' + text)
            for name, summary in summaries.items():
                found = {key: float(summary[key]) for key in rules.columns if key in summary}
                metrics |= {metric_key(self.protocols, rules, name, key): value for key, value in found.items()}
        return metrics

    def add_curves(self) -> None:
        """See `SetMetric`: curves of F and E, and ROC."""
        self.protocols = tuple(_with_curves(rules) for rules in self.protocols)

    def reports(self, dataset: str) -> Iterator[tuple[AnyProtocol, Known]]:
        """See `SetMetric`; maps that are made masks first are no files."""
        groups = self._groups.get(dataset)
        for rules in self.protocols:
            if groups and isinstance(rules, MapProtocol):
                yield rules, partial(_known, rules, groups)


def _with_curves(rules: MapRules) -> MapRules:
    if not isinstance(rules, MapProtocol) or 'metrics' not in rules.options:
        return rules
    wanted = {*rules.metrics, 'f', 'e', 'roc'}
    return rules.with_options(metrics=tuple(name for name in SALIENCY_METRICS if name in wanted))


def _known(
    rules: MapProtocol, groups: Mapping[str, Mapping[str, FrameScores]], task: ScoringTask
) -> PartialResult | None:
    scores = groups.get(task.group, {})
    named = [(item.stem, scores.get(item.stem, scores.get(item.stem.rpartition('/')[2]))) for item in task.items]
    found = [(stem, values[rules.name]) for stem, values in named if values is not None]
    return rules.part(task.group, found) if len(found) == len(named) else None


def _summary(rules: MapRules, groups: Mapping[str, Mapping[str, FrameScores]]) -> dict[str, Any]:
    total, frames = rules.total(), 0
    for group, names in _as_files(groups):
        frames += len(names)
        counted = [names[i] for i in rules.counted(names, group)]
        # A video of masks is one unit.
        for piece in in_pieces(counted) if isinstance(rules, MapProtocol) else [counted]:
            total.add(rules.part(group, [(name, groups[group][name][rules.name]) for name in piece]))
    counts = total.counts()
    images = counts.get('images', counts.get('frames', 0))
    return dict(total.metrics(), images=images, counts=counts, dropped=frames - images)


def _as_files(groups: Mapping[str, Mapping[str, FrameScores]]) -> Iterator[tuple[str, list[str]]]:
    """Groups with their names, in the order in which `salseg evaluate` lists their files: sums are the same to the last bit."""
    first = {}
    for group, scores in groups.items():
        names = in_order(scores)
        inside = not group or names[0].startswith(f'{group}/')
        first[names[0] if inside else f'{group}/{names[0]}'] = group, names
    yield from (first[stem] for stem in in_order(first))


def grouped(records: Iterable[dict[str, Any]]) -> dict[str, dict[str, FrameScores]]:
    """Scores by group or video, then by frame.

    A set of several frames is a group or a video, and so is an ordered one. Any other single frame belongs to the one that
    its set id names: the set id itself, or, where that is the frame's own name, the part before the last '/'.

    Raises:
        DataError: A frame was scored twice.
    """
    groups: dict[str, dict[str, FrameScores]] = defaultdict(dict)
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


STRETCHED = 'each map stretched to its own minimum and maximum'


def table(
    summaries: Mapping[str, Mapping[str, Any]],
    protocol: str = 'sod',
    note: str = '',
    columns: Sequence[str] = COLUMNS,
    absent: Sequence[str] = (),
) -> str:
    """The metrics as text, a row per name, the absent ones last; every row says how many images or frames were counted.

    ``note`` says what differs from the protocol's own settings.
    """
    columns = [c for c in columns if any(c in summary for summary in summaries.values())]
    rows = [['', 'images', *columns]]
    for name, summary in summaries.items():
        rows.append([name, str(summary['images']), *(cell(summary.get(c)) for c in columns)])
    rows += [[name, NOT_HERE, *('-' for _ in columns)] for name in absent]
    rules = get_protocol(protocol)
    said = note or (STRETCHED if 'normalize' in rules.options else '')
    # Not as a title: a table of few columns has no room for it, and would be printed without.
    lines = [AsciiTable(rows).table, f'protocol {protocol}: {rules.rule}' + (f'; {said}' if said else '')]
    for name, summary in summaries.items():
        if summary.get('dropped'):
            lines.append(f'{name}: {summary["dropped"]} annotated frames dropped by the protocol')
    return '\n'.join(lines)
