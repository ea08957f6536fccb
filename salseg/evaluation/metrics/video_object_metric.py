"""Metrics of object masks in videos."""

import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import MMLogger
from terminaltables import AsciiTable
from torch import Tensor

from salseg.errors import ConfigError, DataError
from salseg.evaluation.metrics.base import NOT_HERE, SetMetric, metric_key
from salseg.evaluation.output.table import cell
from salseg.evaluation.protocols import (
    MaskProtocol,
    PartialResult,
    Protocol,
    as_names,
    choose_columns,
    get_protocol,
    load_meta,
    load_seen,
    plain,
)
from salseg.evaluation.protocols.youtube import YouTubeVosProtocol
from salseg.evaluation.tasks import Known, LazyFrames, ScoringTask
from salseg.io.listing import in_order
from salseg.registry import METRICS

Packed = tuple[tuple[int, ...], bytes]
# By video and frame, what was predicted and the ground truth.
Videos = Mapping[str, Mapping[str, tuple[Packed, Packed]]]


# What stands in a table in place of the metrics of a set whose labels only its server has.
WITH_THE_SERVER = 'labels with the server'


@METRICS.register_module()
class VideoObjectMetric(SetMetric):
    """J and F of label maps by one or several named protocols, a table each, a row per data set.

    The metrics are those of `salseg evaluate` on the written files. An item is a frame or a whole video. Its labels are
    kept packed until all frames of the video are there, since which objects count is known from other frames.

    Args:
        protocol: Name of a protocol of masks, or several, see `salseg evaluate --list-protocols`.
        truth_key: Field of the sample with the ground truth, (H, W) uint8 labels per frame, None where there is none.
        columns: Metrics of the tables, in order, each in the tables of those protocols that have it; None: the protocol's
            own; 'all': all that there are.
        meta: 'ytvos': ``meta.json`` of the set.
        seen: 'ytvos': ``meta.json`` of the training set, or a list of its categories.
        withheld: 'ytvos': the labels may be with the server alone; then the row says so and there is no metric. Without it
            a frame that ``meta.json`` lists and that has no ground truth is an error.
        collect_device: 'cpu' or 'gpu'.

    Attributes:
        all_summaries: After evaluation, by protocol and data set, all metrics, and what was counted.

    Raises:
        ConfigError: A protocol is one of maps, or lacks a file that it needs (ytvos).
        UnknownName: There is no such protocol or column.
    """

    def __init__(
        self,
        protocol: str | Sequence[str] = 'davis17-semi',
        truth_key: str = 'gt_labels',
        columns: str | Sequence[str] | None = None,
        meta: str | None = None,
        seen: str | None = None,
        withheld: bool = False,
        collect_device: str = 'cpu',
    ) -> None:
        super().__init__(collect_device)
        found = [self._configured(name, meta, seen) for name in as_names(protocol)]
        if not found:
            raise ConfigError(f'VideoObjectMetric: protocol={protocol!r} names none.')
        self.protocols = found if columns is None else choose_columns(found, as_names(columns))
        self.files = (meta, seen)
        self.withheld = withheld
        self.truth_key = truth_key
        self.all_summaries: dict[str, dict[str, dict[str, Any]]] = {}
        # By data set and protocol: the protocol with its files, and the scores of its videos.
        self._parts: dict[str, dict[str, tuple[MaskProtocol, dict[str, PartialResult]]]] = {}

    def _configured(self, name: str, meta: str | None, seen: str | None) -> MaskProtocol:
        found = get_protocol(name)
        if not isinstance(found, MaskProtocol):
            raise ConfigError(f'VideoObjectMetric: {name!r} is a protocol of maps; use SaliencyMetric.')
        if isinstance(found, YouTubeVosProtocol) and (meta is None or seen is None):
            raise ConfigError(
                f'VideoObjectMetric: {name!r} needs meta, the meta.json of the set, and seen, that of the training set or a '
                'list of its categories; give test_evaluator.meta=FILE and test_evaluator.seen=FILE, or write the labels '
                f'and run `salseg evaluate --protocol {name}` on them.'
            )
        return found

    @property
    def rules(self) -> MaskProtocol:
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
        """Packed labels of the annotated frames of one item.

        Raises:
            DataError: The sample has no such field.
        """
        truths = sample.get(self.truth_key)
        if truths is None:
            raise DataError(
                f'{sample["dataset"]} / {sample["set_id"]} has no {self.truth_key}; the test pipeline must load the '
                'labels of the ground truth at their own size.'
            )
        frames = {
            str(name): (pack(guess), pack(truth))
            for name, guess, truth in zip(sample['frame_ids'], sample['pred_labels'], truths)
            if truth is not None
        }
        return dict(dataset=sample['dataset'], video=str(sample['set_id']), frames=frames)

    def summarise(self, records: Sequence[dict[str, Any]]) -> dict[str, float]:
        """Metrics as ``<data set>/<metric>``; prints the table."""
        videos: dict[str, dict[str, dict[str, tuple[Packed, Packed]]]] = defaultdict(lambda: defaultdict(dict))
        for record in records:
            videos[record['dataset']][record['video']].update(record['frames'])
        metrics: dict[str, float] = {}
        for rules in self.protocols:
            summaries = {name: self._summary(rules, name, members) for name, members in videos.items()}
            self.all_summaries[rules.name] = summaries
            MMLogger.get_current_instance().info('\n' + self.table(rules))
            for name, summary in summaries.items():
                found = {key: float(summary[key]) for key in rules.columns if key in summary}
                metrics |= {metric_key(self.protocols, rules, name, key): value for key, value in found.items()}
        return metrics

    def reports(self, dataset: str) -> Iterator[tuple[Protocol, Known]]:
        """See `SetMetric`."""
        for rules, parts in self._parts.get(dataset, {}).values():
            yield rules, partial(_known, parts)

    def _summary(self, rules: MaskProtocol, dataset: str, videos: Videos) -> dict[str, Any]:
        videos = {video: frames for video, frames in videos.items() if frames}
        if isinstance(rules, YouTubeVosProtocol):
            rules = rules.with_options(meta=load_meta(Path(str(self.files[0]))))
            if self.withheld and all(rules.unlabelled(tuple(frames), video) for video, frames in videos.items()):
                return dict(counts=dict(videos=len(videos)), dropped=0)
            rules = rules.with_options(seen=load_seen(Path(str(self.files[1]))))
        total, dropped = rules.total(), 0
        parts: dict[str, PartialResult] = {}
        self._parts.setdefault(dataset, {})[rules.name] = rules, parts
        # As `salseg evaluate` lists their files: sums are the same to the last bit.
        for video in in_order(videos):
            frames = videos[video]
            names = in_order(frames)
            packed = [frames[name] for name in names]
            guess, truth = (_frames(rules, [pair[side] for pair in packed]) for side in (0, 1))
            try:
                dropped += len(names) - len(rules.counted(names, video))
                parts[video] = rules.part(video, truth, guess, names)
                total.add(parts[video])
            except DataError as error:
                raise DataError(f'{video}: {error}') from error
        return dict(plain(total.metrics()), counts=total.counts(), dropped=dropped)

    def table(self, rules: MaskProtocol | None = None) -> str:
        """The metrics by a protocol, the first by default, as text: a row per data set."""
        rules = rules or self.rules
        summaries = self.all_summaries.get(rules.name, {})
        columns = [c for c in rules.columns if any(c in s for s in summaries.values())]
        rows = [['', 'videos', 'objects', 'frames', *columns]]
        for name, summary in summaries.items():
            counts = [str(summary['counts'].get(what, WITH_THE_SERVER)) for what in ('videos', 'objects', 'frames')]
            rows.append([name, *counts, *(cell(summary.get(c)) for c in columns)])
        rows += [[name, NOT_HERE, '', '', *('-' for _ in columns)] for name in self.absent]
        dropped = sum(summary['dropped'] for summary in summaries.values())
        lines = [AsciiTable(rows).table, f'protocol {rules.name}: {rules.rule}']
        return '\n'.join(lines + ([f'dropped by the protocol: {dropped} annotated frames'] if dropped else []))


def _known(parts: Mapping[str, PartialResult], task: ScoringTask) -> PartialResult | None:
    return parts.get(task.group)


def _frames(rules: MaskProtocol, packed: Sequence[Packed]) -> LazyFrames:
    return LazyFrames(len(packed), lambda number: rules.labels(unpack(packed[number])), packed[0][0])


def pack(labels: Tensor | np.ndarray) -> Packed:
    """Shape and compressed values of a label map; a mask takes about a hundredth of its size."""
    values = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    return values.shape, zlib.compress(np.ascontiguousarray(values, np.uint8).tobytes(), 1)


def unpack(packed: Packed) -> np.ndarray:
    """Undo `pack`."""
    shape, data = packed
    return np.frombuffer(zlib.decompress(data), np.uint8).reshape(shape)
