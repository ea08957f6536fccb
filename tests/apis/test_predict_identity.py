"""A prediction that is repeated: what was changed since is made anew or refused, one thing at a time."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from salseg.apis import init_model
from salseg.apis.image_files import predict_files
from salseg.apis.predicting import SaliencyPredictor
from salseg.errors import DataError
from salseg.io.record import read_record


@pytest.fixture(scope='module')
def predictors(tmp_path_factory):
    """The demo, and it with other weights and another setting."""
    model = init_model('salseg-demo', device='cpu')
    state = {name: value * 1.01 for name, value in model.state_dict().items()}
    other = tmp_path_factory.mktemp('weights') / 'other.pth'
    torch.save(dict(state_dict=state), other)
    models = dict(
        demo=model,
        weights=init_model('salseg-demo', str(other), device='cpu'),
        settings=init_model('salseg-demo', device='cpu', options=['model.restore_from=probability']),
    )
    return {name: SaliencyPredictor(model) for name, model in models.items()}


def draw(seed):
    return np.random.default_rng(seed).integers(0, 255, (24, 32, 3)).astype(np.uint8)


def replace_image(path):
    """Another image of the same size in bytes, with the time of the old one."""
    before = path.stat()
    data = bytearray(path.read_bytes())
    cv2.imwrite(str(path), draw(7))
    other = path.read_bytes()
    path.write_bytes(other + bytes(max(0, len(data) - len(other))))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def edit(path):
    cv2.imwrite(str(path), np.full((24, 32), 200, np.uint8))


ALL = {f'{kind}/{index}.png' for kind in ('mask', 'overlay') for index in range(2)}
OF = {index: {f'{kind}/{index}.png' for kind in ('mask', 'overlay')} for index in range(3)}
# What is changed in the folder, and whom it is asked of; what is said, or which results are made anew.
CHANGES = {
    'nothing': (lambda: None, 'demo', set()),
    'weights': (lambda: None, 'weights', 'holds results of another run, with other weights'),
    'settings': (lambda: None, 'settings', 'holds results of another run, with other network'),
    'an image': (lambda: replace_image(Path('in/1.png')), 'demo', OF[1]),
    'an image is new': (lambda: cv2.imwrite('in/2.png', draw(2)), 'demo', OF[2]),
    'a result is gone': (lambda: Path('out/overlay/0.png').unlink(), 'demo', OF[0]),
    'a result is empty': (lambda: Path('out/mask/0.png').write_bytes(b''), 'demo', OF[0]),
    'a result is cut': (lambda: os.truncate('out/mask/0.png', 40), 'demo', OF[0]),
    'a result was edited': (lambda: edit(Path('out/mask/0.png')), 'demo', 'mask/0.png was changed since salseg wrote it'),
    'only the time of a result': (lambda: os.utime('out/mask/0.png'), 'demo', set()),
    'the record is of other values': (lambda: Path('out/run.json').write_text('{"format": []}'), 'demo', 'run.json'),
}  # fmt: skip


@pytest.mark.parametrize(('change', 'predictor', 'expected'), CHANGES.values(), ids=CHANGES)
def test_what_was_changed_is_made_anew_or_refused(predictors, tmp_path, monkeypatch, change, predictor, expected):
    monkeypatch.chdir(tmp_path)
    Path('in').mkdir()
    for index in range(2):
        cv2.imwrite(f'in/{index}.png', draw(index))
    predict_files(predictors['demo'], ['in'], 'out', ('mask', 'overlay'))
    change()
    before = {path: path.stat().st_ino for path in Path('out').rglob('*.png')}
    if isinstance(expected, str):
        with pytest.raises(DataError, match=expected):
            predict_files(predictors[predictor], ['in'], 'out', ('mask', 'overlay'))
        predict_files(predictors[predictor], ['in'], 'out', ('mask', 'overlay'), overwrite=True)
        expected = ALL
    else:
        predict_files(predictors[predictor], ['in'], 'out', ('mask', 'overlay'))
    files = list(Path('out').rglob('*.png'))
    assert {str(path.relative_to('out')) for path in files if before.get(path) != path.stat().st_ino} == expected
    # All are as an undisturbed run makes them.
    predict_files(predictors[predictor], ['in'], 'whole', ('mask', 'overlay'))
    assert all(path.read_bytes() == (Path('whole') / path.relative_to('out')).read_bytes() for path in files)
    assert set(read_record('out').outputs) == {str(path.relative_to('out')) for path in files}
