import json

import numpy as np
import pytest
import torch

from salseg.errors import ConfigError, DataError, UnknownName
from salseg.evaluation.evaluate import evaluate_folders
from salseg.evaluation.metrics import SaliencyMetric, VideoObjectMetric, VideoSaliencyMetric
from salseg.evaluation.metrics.saliency_metric import table, to_grey
from tests.evaluation.trees import blob, moving_labels, save_grey, save_labels


def samples(groups, folder):
    """A sample per image, whose maps and ground truths are written too."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for group, number in groups.items():
        for k in range(number):
            stem = f'{group}/{k}' if group else str(k)
            truth = blob(len(found))
            probability = torch.rand(truth.shape, generator=generator) * 0.5 + torch.from_numpy(truth) / 255 * 0.4
            save_grey(folder / f'gt/{stem}.png', truth)
            save_grey(folder / f'pred/{stem}.png', to_grey(probability))
            sample = dict(dataset='set', set_id=stem, frame_ids=[stem], pred_maps=[probability], gt_maps=[truth])
            found.append(sample)
    return found


def as_group(members, name):
    """One sample of several frames."""
    return dict(
        dataset='set',
        set_id=name,
        frame_ids=[m['set_id'].rsplit('/', 1)[-1] for m in members],
        pred_maps=[m['pred_maps'][0] for m in members],
        gt_maps=[m['gt_maps'][0] for m in members],
    )


def evaluated(metric, items):
    for item in items:
        metric.process(None, [item])
    return metric.evaluate(len(items))


@pytest.mark.parametrize('protocol', ['sod', 'cosod', 'vsod', 'cosod-evalcosod'])
def test_metrics_equal_those_of_evaluate_on_the_written_maps(tmp_path, protocol):
    found = samples({'x': 4, 'y': 5}, tmp_path)
    items = [as_group(found[:4], 'x'), as_group(found[4:], 'y')]
    metric = SaliencyMetric(protocol=protocol, metrics=None)
    metrics = evaluated(metric, items)
    written = evaluate_folders({'m': tmp_path / 'pred'}, tmp_path / 'gt', protocol)
    for name in written.protocol.columns:
        assert metrics[f'set/{name}'] == pytest.approx(written.results[0].metrics[name], abs=1e-12), name
    assert metric.summaries['set']['counts'] == written.results[0].counts
    assert metric.summaries['set']['dropped'] == written.dropped


def test_frames_that_come_one_by_one_form_the_same_videos(tmp_path):
    found = samples({'x': 4, 'y': 5}, tmp_path)
    whole = evaluated(SaliencyMetric(protocol='vsod'), [as_group(found[:4], 'x'), as_group(found[4:], 'y')])
    single = [{**s, 'set_id': s['set_id'][0], 'frame_ids': [s['set_id'][2:]]} for s in reversed(found)]
    assert evaluated(SaliencyMetric(protocol='vsod'), single) == pytest.approx(whole, abs=1e-12)


def test_every_data_set_has_a_row(tmp_path):
    found = samples({'': 2}, tmp_path)
    found[1]['dataset'] = 'other'
    metric = SaliencyMetric()
    metrics = evaluated(metric, found)
    assert {name.split('/')[0] for name in metrics} == {'set', 'other'}
    text = table(metric.summaries)
    assert [row in text for row in ('| set ', '| other ', 'protocol sod', 'images')] == [True] * 4


def test_a_frame_that_is_scored_twice_is_an_error(tmp_path):
    found = samples({'x': 3}, tmp_path)
    clips = [as_group(found[:2], 'x'), as_group(found[1:], 'x')]
    with pytest.raises(DataError, match='scored twice'):
        evaluated(SaliencyMetric(protocol='vsod'), clips)


def test_an_item_without_ground_truth_names_the_transform():
    with pytest.raises(DataError, match='LoadGroundTruth'):
        SaliencyMetric().record(dict(dataset='d', set_id='1', frame_ids=['1'], pred_maps=[torch.zeros(2, 2)]))


def test_a_protocol_of_masks_is_refused_and_the_right_metric_named():
    with pytest.raises(ConfigError, match='VideoObjectMetric'):
        SaliencyMetric(protocol='davis16')
    with pytest.raises(ConfigError, match='SaliencyMetric'):
        VideoObjectMetric(protocol='sod')


def test_a_protocol_that_says_itself_what_is_stretched_takes_no_other_setting():
    with pytest.raises(DataError, match='cosod-evalcosod has no option normalize'):
        SaliencyMetric(protocol=['sod', 'cosod-evalcosod'], normalize=False)


def test_a_protocol_that_needs_files_names_them_and_the_command():
    with pytest.raises(ConfigError, match='test_evaluator.meta=FILE .*salseg evaluate --protocol ytvos'):
        VideoObjectMetric(protocol='ytvos')


def test_several_protocols_have_a_table_each_with_those_of_the_columns_that_they_have(tmp_path):
    found = samples({'x': 4, 'y': 5}, tmp_path)
    items = [as_group(found[:4], 'x'), as_group(found[4:], 'y')]
    metric = SaliencyMetric(protocol=['cosod-evalcosod', 'sod'], columns=['average_precision', 'auc', 'mustd_f'])
    metrics = evaluated(metric, items)
    assert list(metrics) == [
        'set/average_precision', 'set/auc', 'set/sod/average_precision', 'set/sod/auc', 'set/sod/mustd_f'
    ]  # fmt: skip
    for name, key in (('cosod-evalcosod', 'set/{}'), ('sod', 'set/sod/{}')):
        written = evaluate_folders({'m': tmp_path / 'pred'}, tmp_path / 'gt', name)
        for column in metric.protocols[name == 'sod'].columns:
            assert metrics[key.format(column)] == pytest.approx(written.results[0].metrics[column], abs=1e-12)
    assert list(metric.all_summaries) == ['cosod-evalcosod', 'sod']


@pytest.mark.parametrize('name', ['sod', 'cosod', 'vsod', 'cosod-evalcosod'])
def test_all_columns_are_the_single_numbers_that_a_protocol_computes(tmp_path, name):
    found = samples({'x': 4, 'y': 5}, tmp_path)
    metric = SaliencyMetric(protocol=name, columns='all')
    evaluated(metric, [as_group(found[:4], 'x'), as_group(found[4:], 'y')])
    summary = metric.summaries['set']
    numbers = {key for key, value in summary.items() if isinstance(value, float)}
    assert set(metric.rules.columns) == numbers


@pytest.mark.parametrize('metric', [SaliencyMetric, VideoSaliencyMetric, VideoObjectMetric])
def test_a_column_that_no_protocol_has_is_named_with_near_ones(metric):
    with pytest.raises(UnknownName, match="there is no column 'j_mean'|did you mean"):
        metric(columns=['j_mean', 'fmax'])


def youtube(folder, labelled):
    """A video of two objects with their record, annotated in the frames named."""
    truth = moving_labels(4)
    frames = [f'{t:05d}' for t in range(4)]
    objects = {'1': dict(category='cat', frames=frames), '2': dict(category='yak', frames=frames)}
    (folder / 'meta.json').write_text(json.dumps(dict(videos=dict(v=dict(objects=objects)))))
    (folder / 'seen.txt').write_text('cat\n')
    labels = [truth[t] if t in labelled else None for t in range(4)]
    guess = [np.where(frame == 2, 0, frame).astype(np.uint8) for frame in truth]
    return dict(dataset='YouTube', set_id='v', frame_ids=frames, pred_labels=guess, gt_labels=labels)


def test_g_of_youtube_vos_is_computed_where_all_labels_are_here(tmp_path):
    sample = youtube(tmp_path, range(4))
    metric = VideoObjectMetric('ytvos', meta=str(tmp_path / 'meta.json'), seen=str(tmp_path / 'seen.txt'))
    metrics = evaluated(metric, [sample])
    assert metrics == {
        'YouTube/G': 0.5, 'YouTube/J_seen': 1, 'YouTube/F_seen': 1, 'YouTube/J_unseen': 0, 'YouTube/F_unseen': 0
    }  # fmt: skip


def test_labels_that_only_the_server_has_are_an_error_or_if_expected_a_row_that_says_so(tmp_path):
    files = dict(meta=str(tmp_path / 'meta.json'), seen=str(tmp_path / 'nowhere.json'))
    sample = youtube(tmp_path, [0, 2])
    metric = VideoObjectMetric('ytvos', **files, withheld=True)
    assert evaluated(metric, [sample]) == {}
    assert 'labels with the server' in metric.table()
    metric = VideoObjectMetric('ytvos', **{**files, 'seen': str(tmp_path / 'seen.txt')})
    with pytest.raises(
        DataError, match="2 of the 3 frames that meta.json lists for 'v' have no ground truth, e.g. 00001"
    ):
        evaluated(metric, [sample])


@pytest.mark.parametrize('by_frame', [False, True])
@pytest.mark.parametrize('protocol', ['davis17-semi', 'davis17-unsup', 'davis16', 'vos'])
def test_masks_score_as_evaluate_does_on_the_written_labels(tmp_path, protocol, by_frame):
    items = []
    for seed, (name, frames) in enumerate({'a': 5, 'b': 6}.items()):
        truth = moving_labels(frames, seed)
        guess = [truth[max(t - 1, 0)] for t in range(frames)]
        ids = [f'{t:05d}' for t in range(frames)]
        for t in range(frames):
            save_labels(tmp_path / f'gt/{name}/{ids[t]}.png', truth[t])
            save_labels(tmp_path / f'pred/{name}/{ids[t]}.png', guess[t])
        pieces = [[t] for t in range(frames)] if by_frame else [range(frames)]
        items += [
            dict(
                dataset='set', set_id=name, frame_ids=[ids[t] for t in piece],
                pred_labels=[torch.from_numpy(guess[t]) for t in piece], gt_labels=[truth[t] for t in piece],
            )
            for piece in pieces
        ]  # fmt: skip
    metrics = evaluated(VideoObjectMetric(protocol=protocol), items)
    written = evaluate_folders({'m': tmp_path / 'pred'}, tmp_path / 'gt', protocol)
    for name in written.protocol.columns:
        assert metrics[f'set/{name}'] == pytest.approx(written.results[0].metrics[name], abs=1e-12), name


def test_unannotated_frames_are_no_frames_of_a_video():
    truth = moving_labels(5)
    sample = dict(dataset='set', set_id='v', frame_ids=list('01234'), pred_labels=truth, gt_labels=[*truth[:4], None])
    metric = VideoObjectMetric(protocol='davis17-semi')
    assert evaluated(metric, [sample])['set/J&F'] == 1
    assert metric.summaries['set']['counts']['frames'] == 2


def test_samples_without_labels_say_what_must_load_them():
    with pytest.raises(DataError, match='gt_labels'):
        VideoObjectMetric().record(
            dict(dataset='d', set_id='v', frame_ids=['0'], pred_labels=[np.zeros((2, 2), np.uint8)])
        )


def test_metrics_have_no_prefix_and_nobody_is_warned_of_that():
    assert SaliencyMetric().prefix == ''
