"""Metrics of saliency along videos."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from salseg.errors import ConfigError, DataError
from salseg.evaluation.functional import object_mask, resize_prediction
from salseg.evaluation.metrics.saliency_metric import MapRules, SaliencyMetric
from salseg.evaluation.protocols import Accumulator, PartialResult, Protocol
from salseg.evaluation.protocols.masks import SingleObjectProtocol
from salseg.registry import METRICS


@dataclass(frozen=True)
class ThresholdedMaps:
    """A protocol of one object per video, of maps that are made masks at a threshold.

    Attributes:
        masks: The protocol.
        threshold: In (0, 1]; maps are object from this fraction of full scale on.
    """

    masks: SingleObjectProtocol
    threshold: float

    @property
    def name(self) -> str:
        return self.masks.name

    @property
    def columns(self) -> tuple[str, ...]:
        return self.masks.columns

    @property
    def rule(self) -> str:
        return self.masks.rule

    @property
    def note(self) -> str:
        """How maps become masks."""
        return f'maps as they are, object from {self.threshold} of full scale on'

    def scores(self, prediction: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
        """J and F of one map, as of the mask that `salseg binarise --threshold` writes."""
        grey = resize_prediction(prediction, truth.shape)
        return self.masks.frame_scores(grey >= np.ceil(self.threshold * 255), object_mask(truth))

    def counted(self, stems: Sequence[str], group: str) -> list[int]:
        """Positions of the frames that count."""
        return self.masks.counted(stems, group)

    def part(self, group: str, scores: Iterable[tuple[str, tuple[float, float]]]) -> PartialResult:
        """J and F of the frames of a video that count."""
        return self.masks.part_of_scores(group, [values for _, values in scores])

    def total(self) -> Accumulator:
        """A fresh sum."""
        return self.masks.total()


@METRICS.register_module()
class VideoSaliencyMetric(SaliencyMetric):
    """The metrics of `SaliencyMetric` by video protocols, and J and F of the maps cut at a threshold.

    A clip without annotated frames adds nothing, as sparse annotations demand. J and F are those of unsupervised video
    object segmentation with one object, as of masks that `salseg binarise` writes.

    Args:
        threshold: From which fraction of full scale on a map counts as object; 0.5 means grey values of 128 and more.
        normalize, metrics, columns, collect_device: See `SaliencyMetric`; J and F never stretch the maps.
        protocol: Protocols of maps, and of masks of one object: ``davis16`` leaves out the first and the last annotated
            frame of a video, ``fbms`` counts all.

    Raises:
        ConfigError: The threshold is outside (0, 1], or a protocol scores several objects.
        UnknownName: There is no such protocol or column.
    """

    def __init__(
        self,
        threshold: float = 0.5,
        normalize: bool = True,
        metrics: Sequence[str] | None = ('mae', 's', 'weighted_f', 'f', 'e'),
        protocol: str | Sequence[str] = ('vsod', 'davis16'),
        columns: str | Sequence[str] | None = None,
        collect_device: str = 'cpu',
    ) -> None:
        if not 0 < threshold <= 1:
            raise ConfigError(f'VideoSaliencyMetric: threshold={threshold} must lie in (0, 1].')
        self.threshold = threshold
        super().__init__(normalize, metrics, protocol, columns, collect_device)

    def _map_rules(self, found: Protocol) -> MapRules:
        if isinstance(found, SingleObjectProtocol):
            return ThresholdedMaps(found, self.threshold)
        if found.kind == 'masks':
            raise ConfigError(
                f'VideoSaliencyMetric: {found.name!r} scores several objects, a map has one; expected a protocol of maps, '
                'davis16 or fbms.'
            )
        return super()._map_rules(found)

    def record(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Scores of the annotated frames of one clip.

        Raises:
            DataError: The ground truth was not loaded.
        """
        if sample.get('gt_maps') is None:
            raise DataError(
                f'{sample["dataset"]} / {sample["set_id"]} has no ground truth. Is LoadGroundTruth in the test '
                'pipeline?'
            )
        if all(truth is None for truth in sample['gt_maps']):
            return dict(dataset=sample['dataset'], set_id=str(sample['set_id']), ordered=True, scores={})
        return dict(super().record(sample), ordered=True)

    def summarise(self, records: Sequence[dict[str, Any]]) -> dict[str, float]:
        """Metrics as ``<data set>/<metric>``, see `SaliencyMetric`; a set without annotations has none."""
        return super().summarise([record for record in records if record['scores']])
