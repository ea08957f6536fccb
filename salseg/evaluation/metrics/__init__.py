"""mmengine metrics over the protocols that `salseg evaluate` uses."""

from salseg.evaluation.metrics.saliency_metric import SaliencyMetric
from salseg.evaluation.metrics.video_object_metric import VideoObjectMetric
from salseg.evaluation.metrics.video_saliency_metric import VideoSaliencyMetric

__all__ = ['SaliencyMetric', 'VideoObjectMetric', 'VideoSaliencyMetric']
