"""Metrics of object masks in videos."""

import zlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.logging import MMLogger
from terminaltables import AsciiTable
from torch import Tensor

from salseg.errors import ConfigError, DataError
from salseg.evaluation.metrics.base import NOT_HERE, SetMetric
from salseg.evaluation.output.table import TITLES, cell
from salseg.evaluation.protocols import MaskProtocol, PartialResult, get_protocol, plain
from salseg.evaluation.tasks import LazyFrames, ScoringTask
from salseg.io.listing import in_order
from salseg.registry import METRICS

Packed = tuple[tuple[int, ...], bytes]


@METRICS.register_module()
class VideoObjectMetric(SetMetric):
    """J and F of label maps by a named protocol, a row per data set.

    The metrics are those of `salseg evaluate` on the written files. An item is a frame or a whole video. Its labels are
    kept packed until all frames of the video are there, since which objects count is known from other frames.

    Args:
        protocol: Name of a protocol of masks, see `salseg evaluate --list-protocols`.
        truth_key: Field of the sample with the ground truth, (H, W) uint8 labels per frame, None where there is none.
        collect_device: 'cpu' or 'gpu'.

    Attributes:
        summaries: After evaluation, all metrics by data set, and what was counted.

    Raises:
        ConfigError: The protocol is one of maps, or needs a file that the data set does not give (ytvos).
    """

    def __init__(
        self, protocol: str = 'davis17-semi', truth_key: str = 'gt_labels', collect_device: str = 'cpu'
    ) -> None:
        super().__init__(collect_device)
        found = get_protocol(protocol)
        if not isinstance(found, MaskProtocol):
            raise ConfigError(f'VideoObjectMetric: {protocol!r} is a protocol of maps; use SaliencyMetric.')
        if found.options:
            raise ConfigError(
                f'VideoObjectMetric: {protocol!r} needs {", ".join(found.options)}; write the labels and run '
                f'`salseg evaluate --protocol {protocol}` on them.'
            )
        self.rules: MaskProtocol = found
        self.truth_key = truth_key
        self.summaries = {}
        self._parts: dict[str, dict[str, PartialResult]] = {}

    @property
    def protocol(self) -> str:
        """Name of the protocol."""
        return self.rules.name

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
        self._parts = {}
        self.summaries = {name: self._summary(name, members) for name, members in videos.items()}
        MMLogger.get_current_instance().info('\n' + self.table())
        return {
            f'{name}/{key}': float(summary[key])
            for name, summary in self.summaries.items()
            for key in self.rules.columns
            if key in summary
        }

    def known(self, dataset: str) -> Callable[[ScoringTask], PartialResult | None]:
        """See `SetMetric`."""
        parts = self._parts[dataset]
        return lambda task: parts.get(task.group)

    def _summary(self, dataset: str, videos: Mapping[str, Mapping[str, tuple[Packed, Packed]]]) -> dict[str, Any]:
        total, dropped = self.rules.total(), 0
        parts = self._parts[dataset] = {}
        # As `salseg evaluate` lists their files: sums are the same to the last bit.
        for video in in_order(videos):
            frames = videos[video]
            if not frames:
                continue
            names = in_order(frames)
            packed = [frames[name] for name in names]
            guess, truth = (self._frames([pair[side] for pair in packed]) for side in (0, 1))
            try:
                parts[video] = self.rules.part(video, truth, guess, names)
                total.add(parts[video])
                dropped += len(names) - len(self.rules.counted(names, video))
            except DataError as error:
                raise DataError(f'{video}: {error}') from error
        return dict(plain(total.metrics()), counts=total.counts(), dropped=dropped)

    def _frames(self, packed: Sequence[Packed]) -> LazyFrames:
        return LazyFrames(len(packed), lambda number: self.rules.labels(unpack(packed[number])), packed[0][0])

    def table(self) -> str:
        """The metrics as text, a row per data set."""
        columns = [c for c in self.rules.columns if any(c in s for s in self.summaries.values())]
        rows = [['', 'videos', 'objects', 'frames', *(TITLES.get(c, c) for c in columns)]]
        for name, summary in self.summaries.items():
            counts = [str(summary['counts'][what]) for what in ('videos', 'objects', 'frames')]
            rows.append([name, *counts, *(cell(summary.get(c)) for c in columns)])
        rows += [[name, NOT_HERE, '', '', *('-' for _ in columns)] for name in self.absent]
        dropped = sum(summary['dropped'] for summary in self.summaries.values())
        lines = [AsciiTable(rows, f' protocol {self.protocol} ').table, self.rules.rule]
        return '\n'.join(lines + ([f'dropped by the protocol: {dropped} annotated frames'] if dropped else []))


def pack(labels: Tensor | np.ndarray) -> Packed:
    """Shape and compressed values of a label map; a mask takes about a hundredth of its size."""
    values = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    return values.shape, zlib.compress(np.ascontiguousarray(values, np.uint8).tobytes(), 1)


def unpack(packed: Packed) -> np.ndarray:
    """Undo `pack`."""
    shape, data = packed
    return np.frombuffer(zlib.decompress(data), np.uint8).reshape(shape)
