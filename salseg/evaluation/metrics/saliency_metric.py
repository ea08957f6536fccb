"""Figures of saliency maps."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.logging import MMLogger
from terminaltables import AsciiTable
from torch import Tensor

from salseg.errors import DataError
from salseg.evaluation.functional import image_level, resize_prediction, saliency_scores
from salseg.evaluation.metrics.base import SetMetric
from salseg.registry import METRICS

COLUMNS = ('max_f', 'mean_f', 'adaptive_f', 'weighted_f', 's_measure', 'max_e', 'mean_e', 'adaptive_e', 'mae')


def to_grey(probability: Tensor | np.ndarray) -> np.ndarray:
    """The 8-bit map that is written to disk: probability times 255, rounded half to even, (H, W) uint8."""
    values = probability.detach().float().cpu().numpy() if isinstance(probability, Tensor) else np.asarray(probability)
    return np.rint(values * 255).clip(0, 255).astype(np.uint8)


@METRICS.register_module()
class SaliencyMetric(SetMetric):
    """MAE, S, E, F and weighted F of 8-bit maps, a row per data set, every annotated frame counting the same.

    Maps are rounded to 8 bits first, so that the figures equal those of the written files.

    Args:
        normalize: Stretch each map to the whole range before measuring, as the field's tools do.
        measures: Groups of measures to compute, see :func:`salseg.evaluation.functional.saliency_scores`.
        collect_device: 'cpu' or 'gpu'.

    Attributes:
        summaries: After evaluation, all figures and curves by data set.
    """

    protocol = 'sod'

    def __init__(
        self,
        normalize: bool = True,
        measures: Sequence[str] = ('mae', 's', 'weighted_f', 'f', 'e'),
        collect_device: str = 'cpu',
    ) -> None:
        super().__init__(collect_device)
        self.normalize = normalize
        self.measures = tuple(measures)
        self.summaries: dict[str, dict[str, Any]] = {}

    def record(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Scores of the annotated frames of one item.

        Raises:
            DataError: The item has no ground truth.
        """
        pairs = zip(sample['pred_maps'], sample.get('gt_maps') or [])
        scores = [self._score(prediction, truth) for prediction, truth in pairs if truth is not None]
        if not scores:
            raise DataError(
                f'{sample["dataset"]} / {sample["set_id"]} has no annotated frame. Is LoadGroundTruth in the test pipeline?'
            )
        return dict(dataset=sample['dataset'], set_id=sample['set_id'], scores=scores)

    def _score(self, prediction: Tensor, truth: np.ndarray) -> dict[str, Any]:
        grey = resize_prediction(to_grey(prediction), truth.shape)
        return saliency_scores(grey, truth, normalize=self.normalize, measures=self.measures)

    def summarise(self, records: Sequence[dict[str, Any]]) -> dict[str, float]:
        """Figures as ``<data set>/<measure>``; prints the table."""
        by_set: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for record in records:
            by_set[record['dataset']].extend(record['scores'])
        self.summaries = {name: dict(image_level(scores), images=len(scores)) for name, scores in by_set.items()}
        MMLogger.get_current_instance().info('\n' + table(self.summaries, self.protocol, self.normalize))
        return {
            f'{name}/{key}': float(value)
            for name, summary in self.summaries.items()
            for key, value in summary.items()
            if key in COLUMNS
        }


def table(summaries: Mapping[str, Mapping[str, Any]], protocol: str = 'sod', normalize: bool = True) -> str:
    """The figures as text, a row per name."""
    columns = [c for c in COLUMNS if any(c in summary for summary in summaries.values())]
    rows = [['', 'images', *columns]]
    for name, summary in summaries.items():
        rows.append([name, str(summary['images']), *(f'{summary[c]:.4f}' for c in columns)])
    stretch = 'each map stretched to its own minimum and maximum' if normalize else 'maps as they are'
    return AsciiTable(rows, f' protocol {protocol}: {stretch} ').table
