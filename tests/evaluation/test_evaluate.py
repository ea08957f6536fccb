from shutil import copytree

import numpy as np
import pytest

from salseg.errors import DataError, UnknownName
from salseg.evaluation import functional as F
from salseg.evaluation.evaluate import Settings, evaluate_folders
from salseg.io.annotations import read_annotation, read_map, read_truth
from tests.evaluation.trees import blob, label_tree, map_tree, save_grey, save_labels


def scores_of(predictions, truth, stems):
    pairs = ((read_map(predictions / f'{s}.png'), read_truth(truth / f'{s}.png')) for s in stems)
    return [F.saliency_scores(F.resize_prediction(p, t.shape, 'cubic'), t) for p, t in pairs]


def assert_same(found, expected):
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-12, err_msg=name)


GROUPED = ['cat/1', 'cat/2', 'dog/1', 'dog/2', 'dog/3', 'dog/4']


@pytest.mark.parametrize('protocol', ['sod', 'cosod', 'vsod', 'cosod-evalcosod'])
def test_metrics_of_maps_are_those_of_the_functions_on_all_images(tmp_path, protocol):
    stems = [*GROUPED, 'cat/3']
    predictions, truth = map_tree(tmp_path, stems)
    scores = {g: scores_of(predictions, truth, sorted(s for s in stems if s.startswith(g))) for g in ('cat', 'dog')}
    expected = {
        'sod': lambda: F.image_level([*scores['cat'], *scores['dog']]),
        'cosod': lambda: F.group_level(scores),
        'vsod': lambda: F.video_level(scores),
        'cosod-evalcosod': lambda: F.cosod_summary(
            F.cosod_scores(read_map(predictions / f'{s}.png'), read_truth(truth / f'{s}.png')) for s in stems
        ),
    }[protocol]()
    evaluation = evaluate_folders({'a': predictions}, truth, protocol)
    assert_same(evaluation.results[0].metrics, expected)
    assert evaluation.dropped == (4 if protocol == 'vsod' else 0)


def labels_of(folder, binary=False):
    return [read_annotation(path, 'union' if binary else 'index') for path in sorted(folder.glob('*.png'))]


@pytest.mark.parametrize(
    ('protocol', 'function'),
    [('davis17-semi', F.semi_supervised), ('davis17-unsup', F.unsupervised), ('davis16', F.single_object)],
)
def test_metrics_of_masks_are_those_of_the_functions_on_all_videos(tmp_path, protocol, function):
    predictions, truth = label_tree(tmp_path, {'a': 5, 'b': 6})
    evaluation = evaluate_folders({'m': predictions}, truth, protocol)
    binary = protocol == 'davis16'
    expected = F.davis_summary(
        {v: function(labels_of(truth / v, binary), labels_of(predictions / v, binary)) for v in 'ab'}
    )
    assert evaluation.results[0].metrics == expected
    frames = 11 if protocol == 'davis17-unsup' else 7
    assert evaluation.results[0].counts == dict(videos=2, objects=2 if binary else 4, frames=frames)


def test_vos_counts_an_object_from_the_frame_after_its_first(tmp_path):
    truth = [np.zeros((8, 8), np.uint8) for _ in range(4)]
    for t in range(4):
        truth[t][:3, :3] = 1
        if t >= 2:
            truth[t][5:, 5:] = 2
    for t in range(4):
        save_labels(tmp_path / f'gt/v/{t}.png', truth[t])
        # Object 2 is missed where it is given, which costs nothing, and right after that.
        save_labels(tmp_path / f'pred/v/{t}.png', truth[t] * (truth[t] != 2) if t < 3 else truth[t])
    found = evaluate_folders({'m': tmp_path / 'pred'}, tmp_path / 'gt', 'vos').results[0]
    assert found.metrics['J&F'] == 1
    assert found.counts == dict(videos=1, objects=2, frames=3)


def test_two_processes_give_the_same_bits_as_one(tmp_path):
    predictions, truth = map_tree(tmp_path, [f'{i:02d}' for i in range(40)])
    one, two = (evaluate_folders({'a': predictions}, truth, 'sod', Settings(processes=n)) for n in (1, 2))
    for name, value in one.results[0].metrics.items():
        np.testing.assert_array_equal(value, two.results[0].metrics[name])


def test_the_better_method_comes_first_whatever_the_order_given(tmp_path):
    predictions, truth = map_tree(tmp_path, ['1', '2'])
    for given in (['bad', 'good'], ['good', 'bad']):
        folders = {'good': truth, 'bad': predictions}
        evaluation = evaluate_folders({name: folders[name] for name in given}, truth, 'sod')
        assert [r.method.name for r in evaluation.results] == ['good', 'bad']


def failing(tmp_path, change, protocol='sod', **settings):
    """The message after a change of a good tree."""
    stems = [f'{i:02d}' for i in range(14)]
    predictions, truth = map_tree(tmp_path, stems)
    change(predictions, stems)
    with pytest.raises(DataError) as error:
        evaluate_folders({'a': predictions}, truth, protocol, Settings(**settings))
    return str(error.value)


def test_missing_predictions_are_an_error_with_the_first_ten_and_their_number(tmp_path):
    message = failing(tmp_path, lambda folder, stems: [(folder / f'{s}.png').unlink() for s in stems[:12]])
    assert 'missing, 12 in all, the first 10:' in message
    assert [s for s in ('00', '09', '10', '11') if f'    {s}\n' in message] == ['00', '09']
    assert '--allow-missing' in message


def test_extra_predictions_are_an_error(tmp_path):
    message = failing(tmp_path, lambda folder, stems: save_grey(folder / 'other/77.png', blob(0)))
    assert 'extra, 1 in all' in message
    assert 'other/77' in message
    assert '--allow-extra' in message


def test_predictions_of_another_size_are_an_error_with_both_sizes(tmp_path):
    def shrink(folder, stems):
        for stem in stems[:11]:
            save_grey(folder / f'{stem}.png', blob(0, 10, 13))

    message = failing(tmp_path, shrink)
    assert 'other size, 11 in all, the first 10:' in message
    assert '00: 10 x 13, the ground truth 20 x 26' in message
    assert '--resize' in message


def test_labels_that_the_ground_truth_does_not_have_are_an_error_for_every_frame(tmp_path):
    predictions, truth = label_tree(tmp_path, {'a': 5})
    for t in (1, 3):
        labels = read_annotation(predictions / f'a/{t:05d}.png', 'index')
        labels[0, 0] = 7
        save_labels(predictions / f'a/{t:05d}.png', labels)
    with pytest.raises(DataError, match=r'wrong id, 2 in all') as error:
        evaluate_folders({'m': predictions}, truth, 'davis17-semi')
    assert 'a/00003: holds the label 7; expected 0 and 1..2' in str(error.value)


def test_a_broken_file_is_named(tmp_path):
    message = failing(tmp_path, lambda folder, stems: (folder / '03.png').write_bytes(b'not an image'))
    assert 'unreadable, 1 in all' in message
    assert '03.png' in message


def test_a_soft_map_is_refused_where_everything_above_zero_is_object(tmp_path):
    predictions, truth = map_tree(tmp_path, ['v/1', 'v/2', 'v/3'])
    with pytest.raises(DataError, match='wrong values, 1 in all'):
        evaluate_folders({'m': predictions}, truth, 'davis16')


def test_allowed_missing_predictions_score_as_empty_maps_and_are_counted(tmp_path):
    predictions, truth = map_tree(tmp_path, ['1', '2', '3'])
    (predictions / '2.png').unlink()
    found = evaluate_folders({'a': predictions}, truth, 'sod', Settings(allow_missing=True)).results[0]
    save_grey(predictions / '2.png', np.zeros((20, 26)))
    written = evaluate_folders({'a': predictions}, truth, 'sod').results[0]
    assert found.counts == dict(images=3, missing=1)
    assert_same(found.metrics, written.metrics)


def test_a_frame_that_does_not_count_needs_no_prediction(tmp_path):
    predictions, truth = label_tree(tmp_path, {'a': 5})
    whole = evaluate_folders({'m': predictions}, truth, 'davis17-semi').results[0].metrics
    for t in (0, 4):
        (predictions / f'a/{t:05d}.png').unlink()
    assert evaluate_folders({'m': predictions}, truth, 'davis17-semi').results[0].metrics == whole


def test_files_pair_by_name_though_their_positions_differ(tmp_path):
    predictions, truth = map_tree(tmp_path, ['1', '2', '3'])
    save_grey(predictions / '0.png', blob(5))
    found = evaluate_folders({'a': predictions}, truth, 'sod', Settings(allow_extra=True)).results[0]
    assert_same(found.metrics, F.image_level(scores_of(predictions, truth, '123')))
    assert found.counts == dict(images=3, extra=1)


def test_resized_maps_score_as_the_resizing_function_makes_them(tmp_path):
    predictions, truth = map_tree(tmp_path, ['1', '2'])
    save_grey(predictions / '2.png', blob(1, 11, 15))
    found = evaluate_folders({'a': predictions}, truth, 'cosod', Settings(resize=True)).results[0]
    assert found.counts['resized'] == 1
    assert_same(found.metrics, F.image_level(scores_of(predictions, truth, '12')))


def test_labels_are_never_resized(tmp_path):
    predictions, truth = label_tree(tmp_path, {'a': 4})
    with pytest.raises(DataError, match='never resized'):
        evaluate_folders({'m': predictions}, truth, 'davis17-semi', Settings(resize=True))


def test_a_list_chooses_videos(tmp_path):
    predictions, truth = label_tree(tmp_path, {'a': 5, 'b': 6})
    settings = Settings(names=['b'], allow_extra=True)
    assert evaluate_folders({'m': predictions}, truth, 'davis17-semi', settings).results[0].counts['frames'] == 4


def test_a_name_of_a_list_that_does_not_exist_is_named(tmp_path):
    predictions, truth = label_tree(tmp_path, {'a': 5})
    with pytest.raises(DataError, match='zebra'):
        evaluate_folders({'m': predictions}, truth, 'davis17-semi', Settings(names=['a', 'zebra']))


def test_a_video_of_which_nothing_is_left_is_named(tmp_path):
    predictions, truth = map_tree(tmp_path, ['v/1', 'v/2'])
    with pytest.raises(DataError, match=r"'v' has 2 annotated frames.*--list"):
        evaluate_folders({'a': predictions}, truth, 'vsod')


def test_an_unknown_protocol_names_near_ones():
    with pytest.raises(UnknownName, match='did you mean davis17-semi'):
        evaluate_folders({}, '.', 'davis17-sem')


def test_a_folder_too_deep_is_hinted_at(tmp_path):
    predictions, truth = map_tree(tmp_path, ['v/1', 'v/2', 'v/3'])
    with pytest.raises(DataError, match='Name the folders from which these paths are equal'):
        evaluate_folders({'a': predictions / 'v'}, truth, 'sod')


@pytest.mark.parametrize('frames', [4, 10])
@pytest.mark.parametrize('protocol', ['vos', 'davis17-unsup'])
def test_a_perfect_prediction_has_recall_one_and_no_decay_whenever_its_object_enters(tmp_path, protocol, frames):
    labels = {}
    for t in range(frames):
        labels[f'v/{t:05d}'] = np.zeros((20, 26), np.uint8)
        labels[f'v/{t:05d}'][2:9, 1 + t : 8 + t] = 1
        if t >= frames // 2:
            labels[f'v/{t:05d}'][-6:-2, -6:-2] = 2
    for stem, values in labels.items():
        save_labels(tmp_path / f'truth/{stem}.png', values)
        save_labels(tmp_path / f'made/{stem}.png', values)
    metrics = evaluate_folders({'made': tmp_path / 'made'}, tmp_path / 'truth', protocol).results[0].metrics
    assert [metrics[name] for name in ('J_recall', 'F_recall', 'J_decay', 'F_decay')] == [1, 1, 0, 0]


def test_a_folder_that_is_the_ground_truth_or_a_copy_of_it_is_remarked(tmp_path):
    predictions, truth = map_tree(tmp_path, GROUPED)
    copy = tmp_path / 'copy'
    copytree(truth, copy)
    evaluation = evaluate_folders({'other': predictions, 'own': truth, 'copied': copy}, truth, 'sod')
    remarked = [note.split()[0] for note in evaluation.notes if 'against itself' in note]
    assert sorted(remarked) == ['copied', 'own']
