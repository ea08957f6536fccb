from tests.needs import needs_project

needs_project('dcfm')


import numpy as np
import pytest
from PIL import Image

from salseg.cli import main

TINY = ['--random-weights', '--device', 'cpu', '--cfg-options', 'model.backbone.weights=None',
        'test_dataloader.dataset.pipeline.2.size=64']  # fmt: skip


def image(path, size=(30, 40), seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(values).save(path)


def predict(folder, out, capsys):
    status = main(['predict', 'dcfm-lite', str(folder), '--out', str(out), *TINY])
    said = capsys.readouterr()
    return status, ' '.join((said.out + said.err).split())


def test_a_folder_of_folders_is_many_groups_and_each_says_what_is_odd_about_it(tmp_path, capsys):
    image(tmp_path / 'in/alone/1.jpg')
    image(tmp_path / 'in/pair/1.jpg', (30, 40), 1)
    image(tmp_path / 'in/pair/2.png', (50, 20), 2)
    (tmp_path / 'in/pair/3.jpg').write_bytes(b'no image')
    status, said = predict(tmp_path / 'in', tmp_path / 'out', capsys)
    assert status == 1, 'an image that could not be read shows in the status'
    assert said.count('alone: one image only, so nothing can be shared') == 1
    assert 'pair: left out:' in said
    assert '3.jpg' in said
    assert 'of 2 groups' in said
    written = sorted(str(path.relative_to(tmp_path / 'out')) for path in (tmp_path / 'out').rglob('*.png'))
    assert written == ['alone/1.png', 'pair/1.png', 'pair/2.png', 'sheets/alone.png', 'sheets/pair.png']


@pytest.mark.parametrize(('name', 'words'), [('empty', 'a group is a folder'), ('nowhere', 'nowhere does not exist')])
def test_a_folder_without_images_is_a_clear_error(name, words, tmp_path, capsys):
    (tmp_path / 'empty').mkdir()
    status, said = predict(tmp_path / name, tmp_path / 'out', capsys)
    assert status != 0
    assert words in said
    assert 'Traceback' not in said
