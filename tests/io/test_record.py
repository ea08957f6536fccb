"""The record of a run: read as it was written, refused in words, made once however many begin at the same time."""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from salseg.errors import DataError
from salseg.io import record as module
from salseg.io.record import (
    DELETE,
    REPLACE,
    FileMark,
    RunRecord,
    Weights,
    begin,
    content_digest,
    differences,
    item_path,
    read_item,
    read_record,
    write_item,
    write_record,
)
from salseg.ops.fingerprint import weights_fingerprint


def full():
    return RunRecord(
        command='predict',
        settings={'network': 'Net 12', 'preprocessing': ['a', 'b'], 'size': (3, 4), 'deep': {'x': None, 'y': 1.5}},
        weights=Weights('0123456789abcdef', 'best.pth'),
        inputs={'a.png': FileMark(10, -5, 'f' * 64), 'b\udce9.png': FileMark(0)},
        outputs={'a.png': FileMark(7, 9)},
        items={'video/é': {'kept': ['00000'], 'made': []}},
        result={'frames': 3},
        state='done',
        since=123,
    )


def test_a_record_is_read_as_it_was_written(tmp_path):
    write_record(tmp_path, full())
    assert read_record(tmp_path) == full()
    assert [path.name for path in tmp_path.iterdir()] == ['run.json']
    assert read_record(tmp_path / 'nothing') is None


# What stands in the file, what is made of it, and the words that a user reads.
TAMPERED = {
    'cut off': (lambda text: text[:40], r'run\.json is no record of salseg: it cannot be read'),
    'not UTF-8': (lambda text: text.encode() + b'\xff', 'cannot be read'),
    'too deep': (lambda text: '[' * 200_000, 'cannot be read'),
    'no object': (lambda text: '[1, 2]', r'it holds \[1, 2\]; expected an object'),
    'null': (lambda text: 'null', 'it holds None; expected an object'),
    'foreign': (lambda text: '{"epochs": 3}', 'format is missing'),
    'newer': (lambda text: text.replace('"format": 1', '"format": 2'), r'format is 2, of salseg .*; expected 1'),
    'state': (lambda text: text.replace('"done"', '"almost"'), "state is 'almost'; expected 'running' or 'done'"),
    'since before time': (
        lambda text: text.replace('"since": 123', '"since": -1'),
        'since is -1; expected a whole number',
    ),
    'since as text': (
        lambda text: text.replace('"since": 123', '"since": "1"'),
        "since is '1'; expected a whole number",
    ),
    'since as truth': (lambda text: text.replace('"since": 123', '"since": true'), 'since is True; expected a whole'),
    'size': (lambda text: text.replace('"size": 10', '"size": -10'), r'inputs: a\.png: size is -10'),
    'item': (lambda text: text.replace('"items": {', '"items": {"x": 3, '), 'items: x is 3; expected an object'),
    'weights': (lambda text: text.replace('"source": "best.pth"', '"source": null'), 'weights: source is None'),
}


@pytest.mark.parametrize('case', TAMPERED)
def test_a_tampered_record_is_named_with_what_was_found_and_what_to_do(tmp_path, case):
    change, words = TAMPERED[case]
    text = full().text()
    changed = change(text)
    assert changed != text
    (tmp_path / 'run.json').write_bytes(changed if isinstance(changed, bytes) else changed.encode())
    with pytest.raises(DataError, match=words) as error:
        read_record(tmp_path)
    assert str(tmp_path / 'run.json') in str(error.value)
    assert 'delete it' in str(error.value)


def test_a_record_of_another_command_is_refused_by_who_asks_for_one(tmp_path):
    write_record(tmp_path, full())
    assert read_record(tmp_path, 'predict') == full()
    with pytest.raises(DataError, match='was written by `salseg predict`; expected a folder of `salseg track`'):
        read_record(tmp_path, 'track')


def test_differences_are_named_where_they_are():
    other = full()
    other.settings['preprocessing'] = ['a', 'c']
    other.settings['deep'] = {'x': None, 'y': 2, 'z': 'w' * 500}
    other.weights = Weights('f' * 16)
    found = differences(full(), other)
    assert list(found) == ['weights', 'deep.y', 'deep.z', 'preprocessing.1']
    assert found['weights'] == '0123456789abcdef (best.pth) there, ffffffffffffffff (random) now'
    assert found['preprocessing.1'] == "'b' there, 'c' now"
    assert len(found['deep.z']) < 200
    assert differences(full(), RunRecord('track')) == {'command': 'salseg predict there, salseg track now'}


def test_what_does_not_decide_results_is_no_difference():
    other = RunRecord('predict', full().settings, Weights('0123456789abcdef', 'moved/best.pth'))
    assert differences(full(), other) == {}
    assert other.identity() == full().identity()


def test_the_identity_counts_command_settings_and_weights():
    records = [full(), full(), full(), RunRecord('predict', full().settings)]
    records[1].command = 'track'
    records[2].settings['network'] = 'Net 13'
    assert len({record.identity() for record in records}) == 4
    assert records[2].identity('preprocessing') == records[0].identity('preprocessing')


def test_a_run_is_begun_resumed_or_refused(tmp_path):
    old = tmp_path / 'old.png'
    old.touch()
    begun = begin(tmp_path / 'a/out', RunRecord('predict', {'window': 4}), REPLACE)
    assert begun.since >= old.stat().st_mtime_ns
    begun.items['x'] = {'frames': 2}
    begun.state = 'done'
    write_record(tmp_path / 'a/out', begun)
    shared = begin(tmp_path / 'a/out', RunRecord('predict', {'window': 4}), REPLACE, shared=True)
    assert (shared.state, shared.items, shared.since) == ('done', {'x': {'frames': 2}}, begun.since)
    again = begin(tmp_path / 'a/out', RunRecord('predict', {'window': 4}), REPLACE)
    assert (again.state, again.items) == ('running', {'x': {'frames': 2}})
    assert read_record(tmp_path / 'a/out') == again
    before = (tmp_path / 'a/out/run.json').read_bytes()
    with pytest.raises(DataError, match=r'another run, with other window:\n  window: 4 there, 8 now\n  Choose another'):
        begin(tmp_path / 'a/out', RunRecord('predict', {'window': 8}), DELETE)
    assert (tmp_path / 'a/out/run.json').read_bytes() == before


@pytest.mark.parametrize('links', [True, False])
def test_of_many_that_begin_at_once_one_makes_the_record(tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(module.os, 'link', lambda *args: (_ for _ in ()).throw(OSError('no links here')))
    pids = iter(range(1, 100))
    # Threads stand for processes: each has a temporary name of its own.
    monkeypatch.setattr(module.os, 'getpid', lambda: next(pids))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: begin(tmp_path, RunRecord('predict'), REPLACE, shared=True), range(8)))
    assert [path.name for path in tmp_path.iterdir()] == ['run.json']
    if links:
        assert len({record.since for record in found}) == 1


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / 'file').write_text('x')
    with pytest.raises(DataError, match=r'file is a file; expected a folder'):
        begin(tmp_path / 'file', RunRecord('predict'), REPLACE)

    def full_disk(*args, **others):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(module.Path, 'write_text', full_disk)
    for action in (lambda: begin(tmp_path, RunRecord('x'), REPLACE), lambda: write_record(tmp_path, RunRecord('x'))):
        with pytest.raises(DataError, match=r'run\.json cannot be written: .*No space left'):
            action()
    assert [path.name for path in tmp_path.iterdir()] == ['file']


def test_notes_of_several_shards_are_files_of_their_own(tmp_path):
    assert read_item(tmp_path, 'a/b') is None
    write_item(tmp_path, 'a/b', {'images': ['1.png'], 'frames': 0, 'ids': [1, 2], 'bad': [1, -2], 'none': None})
    note = read_item(tmp_path, 'a/b')
    assert (note.texts('images'), note.number('frames'), note.numbers('ids')) == (['1.png'], 0, [1, 2])
    assert note.optional_text('none') is None
    for take, words in (
        (lambda: note.number('frames', 1), 'frames is 0; expected a whole number, at least 1'),
        (lambda: note.number('frames', -9, -1), 'frames is 0; expected a whole number, -9 to -1'),
        (lambda: note.texts('ids'), r'ids is \[1, 2\]; expected a list of strings'),
        (lambda: note.numbers('bad'), r'bad is \[1, -2\]; expected whole numbers, at least 0'),
        (lambda: note.text_mapping('images'), 'images is .*; expected an object'),
        (lambda: note.text('nothing'), 'nothing is missing'),
    ):
        with pytest.raises(DataError, match=rf'b\.json is no record of salseg: {words}'):
            take()
    item_path(tmp_path, 'a/b').write_text('{')
    with pytest.raises(DataError, match=r'b\.json is no record of salseg'):
        read_item(tmp_path, 'a/b')


def test_marks_tell_files_apart_by_size_and_time_and_on_request_by_content(tmp_path):
    path = tmp_path / 'a'
    path.write_bytes(b'one')
    os.utime(path, ns=(5, 7))
    assert FileMark.of(path) == FileMark(3, 7)
    first = FileMark.of(path, content=True)
    assert first.digest == content_digest(b'one') == hashlib.sha256(b'one').hexdigest()
    path.write_bytes(b'two')
    os.utime(path, ns=(5, 7))
    assert FileMark.of(path) == FileMark(3, 7)
    assert FileMark.of(path, content=True) != first
    with pytest.raises(DataError, match='b cannot be read'):
        FileMark.of(tmp_path / 'b')


def test_the_fingerprint_of_weights_is_of_names_types_shapes_and_values():
    torch.manual_seed(0)
    models = [nn.Linear(2, 3), nn.Linear(3, 2), nn.Sequential(nn.Linear(2, 3)), nn.Linear(2, 3).half()]
    state = models[0].state_dict()
    models[1].weight.data, models[1].bias.data = state['weight'].reshape(2, 3), state['bias'].clone()
    models[2][0].load_state_dict(state)
    models[3].load_state_dict(state)
    found = [weights_fingerprint(model) for model in models]
    assert len(set(found)) == 4
    assert all(len(text) == 16 and int(text, 16) >= 0 for text in found)
    twin = nn.Linear(2, 3)
    twin.load_state_dict(state)
    assert weights_fingerprint(twin) == found[0]
    twin.bias.data[0] += 1e-6
    assert weights_fingerprint(twin) != found[0]
    assert weights_fingerprint(models[0], models[2]) != weights_fingerprint(models[2], models[0])


def test_settings_that_json_does_not_have_are_refused_at_once():
    with pytest.raises(TypeError):
        RunRecord('predict', {'model': nn.Linear(1, 1)})
    assert json.loads(RunRecord('predict', {'size': (1, 2)}).text())['settings'] == {'size': [1, 2]}
