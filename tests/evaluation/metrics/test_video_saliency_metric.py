import numpy as np
import pytest
import torch

from salseg.errors import ConfigError, DataError
from salseg.evaluation.metrics import VideoSaliencyMetric

TRUTH = np.zeros((8, 8), np.uint8)
TRUTH[2:6, 2:6] = 255


def sample(video, frames, value=0.6, truths=None):
    maps = [torch.from_numpy(np.where(TRUTH > 0, value, 0.1)).float() for _ in frames]
    truths = [TRUTH for _ in frames] if truths is None else truths
    return dict(dataset='set', set_id=video, frame_ids=list(frames), pred_maps=maps, gt_maps=truths)


def evaluate(samples, **options):
    metric = VideoSaliencyMetric(protocol='sod', **options)
    metric.process(None, samples)
    return metric.evaluate(len(samples))


def test_a_clip_without_annotated_frames_adds_nothing():
    annotated = [sample('a', '01')]
    metrics = evaluate([*annotated, sample('a', '23', value=0.0, truths=[None, None])])
    assert metrics == evaluate(annotated)


def test_overlap_is_averaged_over_frames_then_over_videos():
    metrics = evaluate([sample('a', '012'), sample('b', '0', value=0.2)])
    assert metrics['set/J_at_0.5'] == pytest.approx((1 + 0) / 2)


@pytest.mark.parametrize(('threshold', 'overlap'), [(0.5, 1.0), (0.7, 0.0)])
def test_the_threshold_cuts_and_names_the_metrics(threshold, overlap):
    assert evaluate([sample('a', '01')], threshold=threshold)[f'set/J_at_{threshold}'] == overlap


def test_a_test_set_without_ground_truth_is_refused():
    with pytest.raises(DataError, match='LoadGroundTruth'):
        evaluate([dict(sample('a', '0'), gt_maps=None)])


def test_a_threshold_out_of_range_is_refused():
    with pytest.raises(ConfigError, match='threshold'):
        VideoSaliencyMetric(threshold=0)
