import json
import os
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from salseg.errors import DataError
from salseg.evaluation import evaluate as module
from salseg.evaluation.evaluate import Settings, evaluate_folders
from salseg.evaluation.protocols import PartialResult, Problem, get_protocol
from salseg.evaluation.records import Records, decode, encode
from salseg.io.record import RunRecord, differences, read_record, write_record
from tests.evaluation.trees import label_tree, map_tree, save_grey


class Killed(Exception):
    """Stands for a kill."""


def killer(after):
    def progress(done, total):
        if done >= after:
            raise Killed

    return progress


@pytest.fixture
def forty(tmp_path):
    predictions, truth = map_tree(tmp_path, [f'{i:02d}' for i in range(40)])
    return predictions, truth, Settings(records=tmp_path / 'records')


def test_a_killed_evaluation_goes_on_without_scoring_again_and_gives_the_same_bits(forty):
    predictions, truth, settings = forty
    with pytest.raises(Killed):
        evaluate_folders({'a': predictions}, truth, 'sod', settings, progress=killer(32))
    resumed = evaluate_folders({'a': predictions}, truth, 'sod', settings)
    fresh = evaluate_folders({'a': predictions}, truth, 'sod')
    assert (resumed.scored, fresh.scored) == (1, 3)
    for name, value in fresh.results[0].metrics.items():
        np.testing.assert_array_equal(resumed.results[0].metrics[name], value)


def test_a_record_that_a_kill_cut_is_scored_again(forty):
    predictions, truth, settings = forty
    evaluate_folders({'a': predictions}, truth, 'sod', settings)
    (file,) = settings.records.glob('*.jsonl')
    file.write_bytes(file.read_bytes()[:-30])
    assert evaluate_folders({'a': predictions}, truth, 'sod', settings).scored == 1
    assert evaluate_folders({'a': predictions}, truth, 'sod', settings).scored == 0


def test_only_what_changed_on_disk_is_scored_again(forty):
    predictions, truth, settings = forty
    evaluate_folders({'a': predictions}, truth, 'sod', settings)
    before = evaluate_folders({'a': predictions}, truth, 'sod', settings)
    save_grey(predictions / '39.png', np.zeros((20, 26)))
    after = evaluate_folders({'a': predictions}, truth, 'sod', settings)
    assert (before.scored, after.scored) == (0, 1)
    assert after.results[0].metrics['mae'] != before.results[0].metrics['mae']


@pytest.mark.parametrize('side', [0, 1], ids=['prediction', 'ground truth'])
def test_another_content_with_the_same_size_and_time_is_scored_again(forty, side):
    predictions, truth, settings = forty
    evaluate_folders({'a': predictions}, truth, 'sod', settings)
    path = forty[side] / '39.png'
    data, before = path.read_bytes(), path.stat()
    other = (forty[side] / '38.png').read_bytes()
    # What follows the end of a PNG is not read.
    path.write_bytes(other[: len(data)].ljust(len(data), b'\0'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    again = evaluate_folders({'a': predictions}, truth, 'sod', settings)
    assert again.scored == 1


def test_a_newer_time_alone_makes_a_file_another(forty):
    predictions, truth, settings = forty
    evaluate_folders({'a': predictions}, truth, 'sod', settings)
    os.utime(truth / '00.png', ns=(1, 1))
    assert evaluate_folders({'a': predictions}, truth, 'sod', settings).scored == 1


def test_another_protocol_or_option_uses_no_record(forty):
    predictions, truth, settings = forty
    evaluate_folders({'a': predictions}, truth, 'sod', settings)
    plain = get_protocol('sod').with_options(normalize=False)
    assert evaluate_folders({'a': predictions}, truth, plain, settings).scored == 3
    assert evaluate_folders({'a': predictions}, truth, 'cosod', settings).scored == 3


def test_the_record_says_what_was_asked_for_and_whether_it_was_answered(forty):
    predictions, truth, settings = forty
    with pytest.raises(Killed):
        evaluate_folders({'a': predictions}, truth, 'sod', settings, progress=killer(32))
    begun = read_record(settings.records, 'evaluate')
    assert begun.state == 'running'
    assert begun.settings['protocol'] == get_protocol('sod').identity
    assert (begun.settings['truth'], begun.settings['predictions']) == (str(truth), {'a': str(predictions)})
    evaluate_folders({'a': predictions}, truth, 'sod', settings)
    done = read_record(settings.records)
    assert (done.state, done.result, done.since) == ('done', {'a': {'images': 40}}, begun.since)
    evaluate_folders({'a': predictions}, truth, 'cosod', replace(settings, allow_missing=True))
    other = read_record(settings.records)
    assert list(differences(done, other)) == ['allow missing', 'protocol']


def test_a_folder_of_another_command_and_a_broken_record_are_refused(forty):
    predictions, truth, settings = forty
    write_record(settings.records, RunRecord('predict'))
    with pytest.raises(DataError, match='was written by `salseg predict`; expected a folder of `salseg evaluate`'):
        evaluate_folders({'a': predictions}, truth, 'sod', settings)
    (settings.records / 'run.json').write_text('{')
    with pytest.raises(DataError, match=r'run\.json is no record of salseg'):
        evaluate_folders({'a': predictions}, truth, 'sod', settings)


def test_shards_together_score_everything_once(forty):
    predictions, truth, settings = forty
    for shard in ((0, 2), (1, 2)):
        part = Settings(records=settings.records, shard=shard, merge=False)
        assert evaluate_folders({'a': predictions}, truth, 'sod', part) is None
    gathered = evaluate_folders({'a': predictions}, truth, 'sod', settings)
    assert gathered.scored == 0
    assert gathered.results[0].counts == dict(images=40)


def test_the_first_rank_waits_for_the_others(forty, monkeypatch):
    predictions, truth, settings = forty
    other = Settings(records=settings.records, shard=(1, 2), merge=False)
    naps = []

    def nap(seconds):
        # The other rank finishes while this one waits.
        naps.append(seconds)
        evaluate_folders({'a': predictions}, truth, 'sod', other)

    monkeypatch.setattr(module, 'time', SimpleNamespace(sleep=nap))
    first = evaluate_folders({'a': predictions}, truth, 'sod', Settings(records=settings.records, shard=(0, 2)))
    assert len(naps) == 1
    assert first.scored == 2
    assert first.results[0].counts == dict(images=40)


def test_videos_resume_too(tmp_path):
    predictions, truth = label_tree(tmp_path, {'a': 5, 'b': 5, 'c': 5})
    settings = Settings(records=tmp_path / 'records')
    with pytest.raises(Killed):
        evaluate_folders({'m': predictions}, truth, 'davis17-semi', settings, progress=killer(6))
    resumed = evaluate_folders({'m': predictions}, truth, 'davis17-semi', settings)
    assert resumed.scored == 1
    assert resumed.results[0].metrics == evaluate_folders({'m': predictions}, truth, 'davis17-semi').results[0].metrics


def test_a_part_survives_a_record_with_all_its_bits():
    rows = [('x', {'mae': 0.1, 'auc': float('nan')})]
    arrays = {'curve': np.array([1 / 3, np.nan]), 'n': np.array(3)}
    part = PartialResult('g', rows, arrays, [Problem('missing', 'x', 'é')], 1, 2)
    back = decode(json.loads(json.dumps(encode(part))))
    np.testing.assert_array_equal(back.arrays['curve'], part.arrays['curve'])
    assert back.arrays['n'].shape == ()
    assert (back.group, back.problems, back.missing, back.resized) == ('g', part.problems, 1, 2)
    assert back.rows[0][1]['mae'] == 0.1


def test_a_damaged_line_in_the_middle_is_no_record(tmp_path):
    records = Records(tmp_path)
    records.put('a' * 40, PartialResult('g'))
    records.put('b' * 40, PartialResult('h'))
    records.close()
    file = tmp_path / 'main.jsonl'
    file.write_bytes(file.read_bytes().replace(b'"group": "g"', b'"group": "g'))
    again = Records(tmp_path)
    assert again.get('a' * 40) is None
    assert again.get('b' * 40).group == 'h'
