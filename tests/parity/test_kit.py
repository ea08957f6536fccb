import json

import numpy as np
import pytest
import torch

from tests.parity import kit

META = dict(
    system='demo',
    kind='demo',
    weights=None,
    inputs=[dict(name='image', stored='in/*'), dict(name='ones', constant=1.0, shape=[2, 3])],
    settings=dict(unused=['spare'], informative=['note/*']),
    tolerance={'exact': dict(equal=1.0), 'most': dict(equal=0.5, abs=1), 'near/*': dict(rtol=0.1), '*': dict(abs=0.01)},
)


def test_values_to_check_are_all_but_inputs_unused_and_informative():
    values = {'in/a': 1, 'spare': 2, 'note/b': 3, 'out': {'x': 4, 'y': {'z': 5}}}
    assert kit.expected(META, values) == {'out.x': 4, 'out.y.z': 5}


def test_a_failure_names_every_value_that_differs_or_is_missing():
    values = dict(good=np.ones(2), wrong=np.ones(2), absent=np.ones(2), other=np.ones(3))
    with pytest.raises(AssertionError) as failure:
        kit.check(META, values, dict(good=torch.ones(2), wrong=torch.zeros(2), other=np.ones(2)))
    text = str(failure.value)
    assert '3 of 4 values' in text
    assert 'wrong: off by 1' in text
    assert "absent: not produced by the test ('absent' is missing)" in text
    assert 'other: shape (2,) instead of (3,)' in text
    assert 'good' not in text


def test_a_file_without_values_is_a_failure():
    with pytest.raises(AssertionError, match='no value to check'):
        kit.check(META, {'in/a': 1}, {})


@pytest.mark.parametrize(
    ('name', 'got', 'want', 'fine'),
    [
        ('exact', ['a', 'b'], ['a', 'b'], True),
        ('exact', [1, 2], [1, 3], False),
        ('most', [1.0, 5.0], [1.0, 4.0], True),
        ('most', [1.0, 5.5], [1.0, 4.0], False),
        ('near/x', [1.05, np.nan], [1.0, np.nan], True),
        ('near/x', [1.2], [1.0], False),
        ('rest', [np.nan, 1.0], [np.nan, 1.005], True),
        ('rest', [np.nan, 1.0], [1.0, 1.0], False),
        ('rest', [np.inf], [1.0], False),
        ('rest', [-np.inf], [np.inf], False),
        ('rest', [[1.0]], [1.0], False),
    ],
)
def test_rules_of_closeness(name, got, want, fine):
    assert kit.close(META, name, got, want) is fine


def test_sampling_steps_apply_from_left_to_right():
    full = torch.arange(2 * 4 * 6 * 6.0).reshape(2, 4, 6, 6)
    tensors = dict(x=full)
    assert torch.equal(kit.sample('x', tensors), full)
    assert torch.equal(kit.sample('x@c2.s3', tensors), full[:, ::2, ::3, ::3])
    assert torch.equal(kit.sample('x@i1.n2', tensors), full[1][::2])
    assert torch.equal(kit.sample('x@f5', tensors), full.flatten()[:5])
    assert torch.equal(kit.sample('x.mean', tensors), full.mean((-2, -1)))
    with pytest.raises(KeyError, match='y'):
        kit.sample('y@s2', tensors)


def test_inputs_are_stored_constant_or_made():
    meta = {
        **META,
        'inputs': [
            *META['inputs'],
            dict(name='made', call='fill.tensor', args=['demo', [2, 2]], scale=2, shift=-1, dtype='float64'),
        ],
    }
    given = kit.inputs(meta, {'in/a': 1, 'in/b': 2, 'out': 3})
    assert given['image'] == {'in/a': 1, 'in/b': 2}
    assert torch.equal(given['ones'], torch.ones(2, 3))
    assert given['made'].dtype == torch.float64
    torch.testing.assert_close(given['made'], (kit.fill.tensor('demo', (2, 2)) * 2 - 1).double())


def test_weights_are_filled_by_official_name_with_gains_and_unused_zeros(tmp_path, monkeypatch):
    monkeypatch.setattr(kit, 'KIT', tmp_path)
    (tmp_path / 'keys.json').write_text(json.dumps(dict(keys={'a.weight': [3, 2], 'b.weight': [2], 'c.weight': [4]})))
    (tmp_path / 'gains.json').write_text(json.dumps([dict(key_prefix='b', key_suffix='weight', multiplier=3)]))
    state = kit.weights(dict(weights=dict(prefix='p/', keys_file='keys.json', gains_file='gains.json', unused='c.*')))
    assert list(state) == ['a.weight', 'b.weight', 'c.weight']
    torch.testing.assert_close(state['a.weight'], torch.from_numpy(kit.fill.array('p/a.weight', [3, 2])))
    torch.testing.assert_close(state['b.weight'], 3 * torch.from_numpy(kit.fill.array('p/b.weight', [2])))
    assert torch.equal(state['c.weight'], torch.zeros(4))


def test_files_are_found_by_kind_whatever_their_names(tmp_path, monkeypatch):
    monkeypatch.setattr(kit, 'DATA', tmp_path)
    folder = tmp_path / 'demo'
    folder.mkdir()
    np.savez(folder / 'zebra.npz', meta_json=np.array(json.dumps(META)), x=np.ones(2))
    (folder / 'apple.json').write_text(json.dumps(dict(meta=META, y=dict(z=1))))
    (folder / 'keys.json').write_text(json.dumps(dict(keys={})))
    np.savez(folder / 'other.npz', meta_json=np.array(json.dumps({**META, 'kind': 'else'})))
    assert [p.name for p in kit.discover('demo', 'demo')] == ['apple.json', 'zebra.npz']
    meta, values = kit.load(folder / 'zebra.npz')
    assert meta == META
    assert list(values) == ['x']
    assert kit.load(folder / 'apple.json') == (META, dict(y=dict(z=1)))


def test_a_kind_without_file_is_an_error_at_home_and_a_skip_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(kit, 'DATA', tmp_path)
    (tmp_path / 'demo').mkdir()
    np.savez(tmp_path / 'demo' / 'other.npz', meta_json=np.array(json.dumps({**META, 'kind': 'else'})))
    (parameter,) = kit.files('demo', 'absent')
    assert parameter.marks[0].name == 'skip'
    assert "kind 'absent'" in parameter.marks[0].kwargs['reason']
    monkeypatch.setattr(kit, 'KIT', tmp_path.resolve())
    with pytest.raises(FileNotFoundError, match="kind 'absent'"):
        kit.files('demo', 'absent')


def test_a_folder_without_any_parity_file_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(kit, 'DATA', tmp_path / 'misspelt')
    with pytest.raises(FileNotFoundError, match=r"kind 'absent' in .*misspelt"):
        kit.files('demo', 'absent')
