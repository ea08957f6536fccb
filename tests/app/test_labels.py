"""What is drawn is on the disk as training reads it, and nothing of it is lost."""

import errno

import numpy as np
import pytest

from salseg.app import labels
from salseg.datasets import SaliencyDataset
from salseg.datasets.transforms import LoadBoxes, LoadFrames, LoadLabels
from salseg.io.annotations import read_annotation
from salseg.io.images import read_image, read_visible
from tests.app.conftest import draw, drawn, open_page, write_photo


def bright(image):
    return image[..., 0] > 130


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('width', [30, 20])
def test_scribbles_lie_for_training_where_they_were_drawn(tmp_path, orientation, width):
    """Also on photos that are stored turned, and on squares, where nothing tells how they are turned."""
    photo = write_photo(tmp_path / 'image/a.jpg', width, 20, orientation)
    client = open_page(tmp_path)
    seen = bright(read_visible(photo)[0])
    codes = np.where(seen, 1, 2).astype(np.uint8)
    codes[0, 0] = 0
    assert draw(client, 'a', codes).status_code == 200
    assert (drawn(client, 'a', *seen.shape) == codes).all()
    results = SaliencyDataset(str(tmp_path), encoding='scribble').describe(0) | dict(dataset='own')
    results = LoadLabels().transform(LoadFrames().transform(results))
    label, stored = results['labels'][0], bright(read_image(photo))
    known = label != 255
    assert (~known).sum() == 1
    assert (label == 1)[known].tolist() == stored[known].tolist()


@pytest.mark.parametrize('orientation', range(1, 9))
def test_boxes_lie_for_training_where_they_were_drawn(tmp_path, orientation):
    photo = write_photo(tmp_path / 'image/a.jpg', 30, 20, orientation)
    client = open_page(tmp_path)
    rows, columns = np.nonzero(bright(read_visible(photo)[0]))
    box = [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]
    sent = dict(key='a', boxes=[dict(id=1, box=box)], version='none')
    assert client.post('/api/boxes', json=sent).status_code == 200
    assert client.get('/api/info?key=a').json()['boxes'] == [dict(id=1, box=box)]
    results = SaliencyDataset(str(tmp_path), encoding=None).describe(0) | dict(dataset='own')
    results = LoadBoxes(str(tmp_path / 'boxes.csv')).transform(LoadFrames().transform(results))
    assert (results['box_maps'][0][..., 0] > 0).tolist() == bright(read_image(photo)).tolist()


def test_boxes_of_other_images_stay_as_they_are(client, folder):
    before = 'set,frame,object,x0,y0,x1,y1,width,height\n,cat,1,1.5,2,9,8,30,20\nclip,00001,3,1,2,3,4,64,48\n'
    (folder / 'boxes.csv').write_text(before)
    version = client.get('/api/info?key=dog').json()['version']
    sent = dict(key='dog', boxes=[dict(id=2, box=[4, 5, 20, 40])], version=version)
    version = client.post('/api/boxes', json=sent).json()['version']
    assert (folder / 'boxes.csv').read_text() == before + ',dog,2,4,5,20,20,30,20\n'
    client.post('/api/boxes', json=dict(key='dog', boxes=[], version=version))
    assert (folder / 'boxes.csv').read_text() == before


@pytest.mark.parametrize('box', [[5, 5, 5, 9], [40, 5, 50, 9], [1, 2, 3], ['a', 0, 1, 1], [float('nan'), 0, 1, 1]])
def test_what_is_no_box_is_refused(client, folder, box):
    import json

    body = json.dumps(dict(key='cat', boxes=[dict(id=1, box=box)], version='none'))
    assert client.post('/api/boxes', content=body).status_code == 422
    assert not (folder / 'boxes.csv').exists()


def square(code=1):
    codes = np.zeros((20, 30), np.uint8)
    codes[3:6, 4:9] = code
    return codes


def test_an_empty_scribble_leaves_no_file_and_codes_that_there_are_not_are_refused(client, folder):
    draw(client, 'cat', square())
    assert read_annotation(folder / 'scribble/cat.png', 'scribble')[4, 5] == 1
    draw(client, 'cat', square(0))
    assert not (folder / 'scribble/cat.png').exists()
    assert draw(client, 'cat', square(3)).status_code == 422


def test_the_second_of_two_tabs_is_told_and_nothing_of_the_first_is_lost(client):
    first = draw(client, 'cat', square(), 'none')
    late = draw(client, 'cat', square(2), 'none')
    assert late.status_code == 409
    assert 'another tab' in late.json()['error']
    assert (drawn(client, 'cat', 20, 30) == square()).all()
    assert draw(client, 'cat', square(2), first.json()['version']).status_code == 200


def test_a_scribble_that_another_program_changed_is_not_overwritten(client, folder):
    version = draw(client, 'cat', square()).json()['version']
    (folder / 'scribble/cat.png').write_bytes((folder / 'image/cat.jpg').read_bytes())
    assert draw(client, 'cat', square(2), version).status_code == 409
    assert client.get('/api/scribble?key=cat').status_code == 422


def test_a_full_disk_is_said_and_the_last_scribble_stays(client, monkeypatch):
    draw(client, 'cat', square())

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr('pathlib.Path.write_bytes', full)
    answer = draw(client, 'cat', square(2))
    assert answer.status_code == 422
    assert 'No space left' in answer.json()['error']
    monkeypatch.setattr('pathlib.Path.write_text', full)
    sent = dict(key='cat', boxes=[dict(id=1, box=[1, 1, 5, 5])], version='none')
    assert 'No space left' in client.post('/api/boxes', json=sent).json()['error']
    monkeypatch.undo()
    assert (drawn(client, 'cat', 20, 30) == square()).all()


def test_an_image_that_was_removed_replaced_or_emptied_is_a_sentence(client, folder):
    version = draw(client, 'dog', square()).json()['version']
    (folder / 'image/cat.jpg').unlink()
    write_photo(folder / 'image/dog.jpg', 64, 48)
    (folder / 'image/emu.jpg').write_bytes(b'')
    for path in ('thumb', 'view', 'info', 'scribble'):
        assert client.get(f'/api/{path}?key=cat').status_code == 404
        assert client.get(f'/api/{path}?key=emu').status_code == 422
    assert 'replaced' in client.get('/api/scribble?key=dog').json()['error']
    assert 'replaced' in draw(client, 'dog', square(2), version).json()['error']
    assert [entry['key'] for entry in client.get('/api/images').json()] == ['dog', 'emu']


def test_images_in_the_folder_itself_and_in_folders_of_classes(tmp_path):
    write_photo(tmp_path / 'flat/b.jpg')
    write_photo(tmp_path / 'deep/image/birds/b.jpg')
    for name, key in (('flat', 'b'), ('deep', 'birds/b')):
        client = open_page(tmp_path / name)
        assert draw(client, key, square()).status_code == 200
        assert (tmp_path / name / f'scribble/{key}.png').is_file()
        # Scribbles are no images.
        assert [(entry['key'], entry['scribble']) for entry in client.get('/api/images').json()] == [(key, True)]


def test_only_scribbles_of_both_classes_are_trained_on(client, folder):
    workspace = client.app.state.page.workspace
    both = square()
    both[10:12] = 2
    draw(client, 'cat', both)
    draw(client, 'dog', square())
    good, bad = labels.trainable(workspace)
    assert good == ['cat']
    assert bad == {'dog': 'has no background scribble yet'}
