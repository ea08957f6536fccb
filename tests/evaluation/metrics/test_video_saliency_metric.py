import numpy as np
import pytest
import torch

from salseg.cli import main
from salseg.errors import ConfigError, DataError
from salseg.evaluation.evaluate import evaluate_folders
from salseg.evaluation.metrics import VideoSaliencyMetric
from salseg.evaluation.metrics.grey import to_grey
from salseg.evaluation.protocols import get_protocol
from tests.evaluation.trees import save_grey

TRUTH = np.zeros((8, 8), np.uint8)
TRUTH[2:6, 2:6] = 255


def sample(video, frames, value=0.6, truths=None):
    maps = [torch.from_numpy(np.where(TRUTH > 0, value, 0.1)).float() for _ in frames]
    truths = [TRUTH for _ in frames] if truths is None else truths
    return dict(dataset='set', set_id=video, frame_ids=list(frames), pred_maps=maps, gt_maps=truths)


def evaluate(samples, **options):
    metric = VideoSaliencyMetric(**{'protocol': 'sod', **options})
    metric.process(None, samples)
    return metric.evaluate(len(samples))


def test_a_clip_without_annotated_frames_adds_nothing():
    annotated = [sample('a', '01')]
    metrics = evaluate([*annotated, sample('a', '23', value=0.0, truths=[None, None])])
    assert metrics == evaluate(annotated)


def test_overlap_is_averaged_over_frames_then_over_videos():
    metrics = evaluate([sample('a', '012'), sample('b', '0', value=0.2)], protocol='fbms')
    assert metrics['set/J_mean'] == pytest.approx((1 + 0) / 2)


@pytest.mark.parametrize(('threshold', 'overlap'), [(0.5, 1.0), (0.7, 0.0)])
def test_the_threshold_cuts(threshold, overlap):
    assert evaluate([sample('a', '01')], protocol='fbms', threshold=threshold)['set/J_mean'] == overlap


def test_davis_leaves_out_the_first_and_the_last_annotated_frame_and_fbms_does_not():
    """Frames 1 to 3 of five are annotated; the map of frame 2 alone is right."""
    truths = [None, TRUTH, TRUTH, TRUTH, None]
    clip = sample('a', '01234', truths=truths)
    clip['pred_maps'] = [clip['pred_maps'][k] if k == 2 else torch.zeros_like(clip['pred_maps'][k]) for k in range(5)]
    metrics = evaluate([clip], protocol=['vsod', 'davis16', 'fbms'], columns=['s_measure', 'J_mean'])
    assert list(metrics) == ['set/s_measure', 'set/davis16/J_mean', 'set/fbms/J_mean']
    assert metrics['set/davis16/J_mean'] == 1
    assert metrics['set/fbms/J_mean'] == pytest.approx(1 / 3)


def test_j_and_f_are_those_of_evaluate_on_masks_that_binarise_writes(tmp_path, capsys):
    generator, samples = torch.Generator().manual_seed(0), []
    for video, frames in {'a': 5, 'b': 4}.items():
        maps = [torch.rand(TRUTH.shape, generator=generator) for _ in range(frames)]
        for t, values in enumerate(maps):
            save_grey(tmp_path / f'maps/{video}/{t}.png', to_grey(values))
            save_grey(tmp_path / f'gt/{video}/{t}.png', TRUTH)
        names = [str(t) for t in range(frames)]
        samples.append(dict(dataset='set', set_id=video, frame_ids=names, pred_maps=maps, gt_maps=[TRUTH] * frames))
    metric = VideoSaliencyMetric(protocol='davis16,fbms', columns='all', threshold=0.6)
    metric.process(None, samples)
    metrics = metric.evaluate(len(samples))
    arguments = [str(tmp_path / 'maps'), '--out', str(tmp_path / 'masks'), '--threshold', '0.6']
    assert main(['binarise', *arguments]) == 0
    for name, key in (('davis16', 'set/{}'), ('fbms', 'set/fbms/{}')):
        written = evaluate_folders({'m': tmp_path / 'masks'}, tmp_path / 'gt', get_protocol(name).with_columns(['all']))
        assert written.protocol.columns == get_protocol(name).all_columns
        for column in written.protocol.columns:
            assert metrics[key.format(column)] == pytest.approx(written.results[0].metrics[column], abs=1e-12), column
        assert metric.all_summaries[name]['set']['counts'] == written.results[0].counts
        assert metric.all_summaries[name]['set']['dropped'] == written.dropped


def test_a_protocol_of_several_objects_is_refused():
    with pytest.raises(ConfigError, match="'davis17-semi' scores several objects, a map has one"):
        VideoSaliencyMetric(protocol=['vsod', 'davis17-semi'])


def test_a_test_set_without_ground_truth_is_refused():
    with pytest.raises(DataError, match='LoadGroundTruth'):
        evaluate([dict(sample('a', '0'), gt_maps=None)])


def test_a_threshold_out_of_range_is_refused():
    with pytest.raises(ConfigError, match='threshold'):
        VideoSaliencyMetric(threshold=0)
