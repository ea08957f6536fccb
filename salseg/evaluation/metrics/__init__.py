"""mmengine metrics over the pure functions."""

from salseg.evaluation.metrics.saliency_metric import SaliencyMetric

__all__ = ['SaliencyMetric']
