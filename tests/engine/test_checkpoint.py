import os
import pickle
import random

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

from salseg.engine import checkpoint as files
from salseg.errors import CheckpointError


def test_a_training_state_survives_a_file_of_plain_values(tmp_path):
    buffer = HistoryBuffer([1.0, 2.5, 3.0], [1, 1, 2], max_length=10)
    state = dict(log=buffer, eta=np.float64(2.5), array=np.arange(3), names=('a', 'b'), hook=len, steps={3: [1, None]})
    torch.save(files.encode(state), tmp_path / 'x.pth')
    back = files.decode(torch.load(tmp_path / 'x.pth', weights_only=True))
    assert back['log'].data[0].tolist() == [1.0, 2.5, 3.0]
    assert back['log'].data[1].tolist() == [1, 1, 2]
    assert back['log'].current() == buffer.current()
    assert back['eta'] == 2.5
    assert back['array'].tolist() == [0, 1, 2]
    assert back['names'] == ('a', 'b')
    assert 'hook' not in back
    assert back['steps'] == {3: [1, None]}


def test_a_type_without_a_safe_form_is_named_by_its_key():
    with pytest.raises(CheckpointError, match=r'message_hub.rng holds a random.Random'):
        files.encode(dict(rng=random.Random()), 'message_hub')


def test_a_hostile_pickle_is_refused_and_does_not_run(tmp_path):
    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / 'owned'),)

    torch.save({'state_dict': {'a': Hostile()}}, tmp_path / 'evil.pth')
    (tmp_path / 'raw.pth').write_bytes(pickle.dumps(Hostile()))
    for name in ('evil.pth', 'raw.pth'):
        with pytest.raises(CheckpointError, match=rf'{name} (holds more than tensors|is no readable)'):
            files.load_file(tmp_path / name)
    assert not (tmp_path / 'owned').exists()


def test_a_missing_or_cut_checkpoint_says_what_is_there(tmp_path):
    torch.save({'state_dict': {'a': torch.zeros(1000)}}, tmp_path / 'whole.pth')
    with pytest.raises(CheckpointError, match=r'none.pth does not exist; .* holds whole.pth'):
        files.load_file(tmp_path / 'none.pth')
    (tmp_path / 'cut.pth').write_bytes((tmp_path / 'whole.pth').read_bytes()[:2000])
    with pytest.raises(CheckpointError, match='no readable checkpoint'):
        files.load_file(tmp_path / 'cut.pth')


def test_a_checkpoint_of_another_model_is_refused_with_the_difference():
    with pytest.raises(CheckpointError) as error:
        files.load_weights(nn.Linear(3, 2), {'weight': torch.zeros(2, 4), 'extra': torch.zeros(1)}, 'file.pth')
    message = str(error.value)
    assert 'missing in the file (1): bias' in message
    assert 'unknown to the model (1): extra' in message
    assert 'weight (2, 4) here (2, 3)' in message


def test_partial_loading_takes_what_fits_but_never_nothing():
    layer = nn.Linear(3, 2)
    files.load_weights(layer, {'weight': torch.ones(2, 3)}, 'file.pth', partial=True)
    assert (layer.weight == 1).all()
    with pytest.raises(CheckpointError, match='0 of 2 entries'):
        files.load_weights(layer, {'other': torch.ones(1)}, 'file.pth', partial=True)


def test_a_failed_write_leaves_the_previous_file_and_no_rest(tmp_path):
    target = tmp_path / 'iter_1.pth'
    files.save_file({'a': torch.ones(1)}, target)
    before = target.read_bytes()

    def full(checkpoint, path):
        path.write_bytes(b'half')
        raise OSError(28, 'No space left on device')

    with pytest.raises(CheckpointError, match=r'iter_1.pth failed: .*No space left(.|\n)*intact(.|\n)*--resume'):
        files.save_file({'a': torch.zeros(1)}, target, save=full)
    assert target.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ['iter_1.pth']
