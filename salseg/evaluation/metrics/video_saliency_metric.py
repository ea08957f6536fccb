"""Metrics of saliency along videos."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.logging import MMLogger
from terminaltables import AsciiTable

from salseg.errors import ConfigError, DataError
from salseg.evaluation.functional import boundary_f, object_mask, region_similarity_j, resize_prediction
from salseg.evaluation.metrics.base import NOT_HERE
from salseg.evaluation.metrics.grey import to_grey
from salseg.evaluation.metrics.saliency_metric import SaliencyMetric
from salseg.registry import METRICS


@METRICS.register_module()
class VideoSaliencyMetric(SaliencyMetric):
    """The metrics of `SaliencyMetric` by a video protocol, and J and F of the maps cut at a threshold.

    A clip without annotated frames adds nothing, as sparse annotations demand. J and F are those of unsupervised video
    object segmentation with one object: averaged over the frames of a video, then over videos, none left out.

    Args:
        threshold: From which fraction of full scale on a map counts as object; 0.5 means grey values of 128 and more.
        normalize, metrics, protocol, collect_device: See `SaliencyMetric`; J and F never stretch the maps.

    Raises:
        ConfigError: The threshold is outside (0, 1].
    """

    def __init__(
        self,
        threshold: float = 0.5,
        normalize: bool = True,
        metrics: Sequence[str] | None = ('mae', 's', 'weighted_f', 'f', 'e'),
        protocol: str = 'vsod',
        collect_device: str = 'cpu',
    ) -> None:
        super().__init__(normalize, metrics, protocol, collect_device)
        if not 0 < threshold <= 1:
            raise ConfigError(f'VideoSaliencyMetric: threshold={threshold} must lie in (0, 1].')
        self.threshold = threshold

    def record(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Scores, J and F of the annotated frames of one clip.

        Raises:
            DataError: The ground truth was not loaded.
        """
        truths = sample.get('gt_maps')
        if truths is None:
            raise DataError(
                f'{sample["dataset"]} / {sample["set_id"]} has no ground truth. Is LoadGroundTruth in the test '
                'pipeline?'
            )
        kept = [index for index, truth in enumerate(truths) if truth is not None]
        pairs = [(sample['pred_maps'][index], truths[index]) for index in kept]
        names = [str(sample['frame_ids'][index]) for index in kept]
        return dict(
            dataset=sample['dataset'],
            set_id=str(sample['set_id']),
            ordered=True,
            scores={name: self._score(*pair) for name, pair in zip(names, pairs)},
            overlap=[self._overlap(*pair) for pair in pairs],
        )

    def _overlap(self, prediction: Any, truth: np.ndarray) -> tuple[float, float]:
        grey = resize_prediction(to_grey(prediction), truth.shape)
        guess, mask = grey >= np.ceil(self.threshold * 255), object_mask(truth)
        return region_similarity_j(guess, mask), boundary_f(guess, mask)

    def summarise(self, records: Sequence[dict[str, Any]]) -> dict[str, float]:
        """Metrics as ``<data set>/<metric>``, among them ``J_at_<threshold>`` and ``F_at_<threshold>``."""
        annotated = [record for record in records if record['scores']]
        metrics = super().summarise(annotated) if annotated else {}
        videos: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
        for record in annotated:
            videos[record['dataset']][record['set_id']].extend(record['overlap'])
        rows = [['', 'videos', 'J', 'F']]
        for name, by_video in videos.items():
            j, f = np.mean([np.mean(values, axis=0) for values in by_video.values()], axis=0)
            metrics |= {f'{name}/J_at_{self.threshold}': float(j), f'{name}/F_at_{self.threshold}': float(f)}
            rows.append([name, str(len(by_video)), f'{j:.4f}', f'{f:.4f}'])
        rows += [[name, NOT_HERE, '-', '-'] for name in self.absent]
        title = f' maps cut at {self.threshold} of full scale '
        MMLogger.get_current_instance().info('\n' + AsciiTable(rows, title).table)
        return metrics
