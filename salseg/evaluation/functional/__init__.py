"""Metrics as pure functions on NumPy arrays: no torch, no mmengine, no config."""

from salseg.evaluation.functional.aggregate import (
    ScoreAccumulator,
    average_scores,
    group_level,
    image_level,
    summarize_scores,
)
from salseg.evaluation.functional.boundary import boundary_f
from salseg.evaluation.functional.cosod import cosod_scores, cosod_summary
from salseg.evaluation.functional.davis import (
    SequenceScores,
    davis_summary,
    mask_scores,
    object_metrics,
    semi_supervised,
    single_object,
    unsupervised,
)
from salseg.evaluation.functional.pair import object_mask, saliency_pair
from salseg.evaluation.functional.region import region_similarity_j
from salseg.evaluation.functional.resize import resize_prediction
from salseg.evaluation.functional.saliency import SALIENCY_METRICS, Scores, mean_absolute_error, saliency_scores
from salseg.evaluation.functional.statistics import TimeStatistics, time_statistics
from salseg.evaluation.functional.structure import structure_measure
from salseg.evaluation.functional.video import video_level
from salseg.evaluation.functional.video_objects import label_scores, segtrack_summary, youtube_vos_summary
from salseg.evaluation.functional.weighted_f import weighted_f_measure

__all__ = [
    'SALIENCY_METRICS',
    'Scores',
    'SequenceScores',
    'TimeStatistics',
    'ScoreAccumulator',
    'average_scores',
    'boundary_f',
    'cosod_scores',
    'cosod_summary',
    'davis_summary',
    'group_level',
    'image_level',
    'label_scores',
    'mask_scores',
    'mean_absolute_error',
    'object_metrics',
    'object_mask',
    'region_similarity_j',
    'resize_prediction',
    'saliency_pair',
    'saliency_scores',
    'segtrack_summary',
    'semi_supervised',
    'single_object',
    'structure_measure',
    'summarize_scores',
    'time_statistics',
    'unsupervised',
    'video_level',
    'weighted_f_measure',
    'youtube_vos_summary',
]
