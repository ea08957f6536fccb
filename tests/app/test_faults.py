"""A killed server and a full disk: what was saved stays, and the page is opened again where it was."""

import contextlib
import http.client
import resource
import signal
import subprocess
import sys
import threading
import zlib

import numpy as np

from salseg.io.annotations import read_annotation
from salseg.io.images import write_png
from tests.app.conftest import draw, drawn, open_page, write_photo
from tests.needs import ROOT

SIZE = (200, 240)


def noise(seed):
    """Codes that take some 10 KB as PNG."""
    return np.random.default_rng(seed).integers(0, 3, SIZE).astype(np.uint8)


def test_a_server_that_is_killed_while_it_saves_has_the_last_label_whole(folder):
    """Whatever was answered is on the disk; what was under way is there as a whole or not at all."""
    write_photo(folder / 'image/cat.jpg', *SIZE[::-1])
    words = [sys.executable, '-m', 'salseg', 'app', folder, '--port', '0']
    labels = [noise(seed) for seed in range(4)]
    answered, begun = [], threading.Event()
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        address = server.stdout.readline().split()[1].removeprefix('http://').rstrip('/')

        def save():
            version = 'none'
            connection = http.client.HTTPConnection(address, timeout=30)
            with contextlib.suppress(OSError, http.client.HTTPException):
                for number in range(10**6):
                    body = zlib.compress(labels[number % 4].tobytes(), 1)
                    connection.request('POST', '/api/scribble?key=cat', body, {'x-version': version})
                    answer = connection.getresponse()
                    version = answer.read().decode().split('"')[3]
                    assert answer.status == 200
                    answered.append(number)
                    if number == 5:
                        begun.set()

        saving = threading.Thread(target=save)
        saving.start()
        assert begun.wait(60)
        server.send_signal(signal.SIGKILL)
        saving.join(30)
    found = drawn(open_page(folder), 'cat', *SIZE)
    last = answered[-1]
    assert any((found == labels[number % 4]).all() for number in (last, last + 1))
    client = open_page(folder)
    assert [entry['scribble'] for entry in client.get('/api/images').json()] == [True, False, False]
    assert draw(client, 'cat', labels[0]).status_code == 200


@contextlib.contextmanager
def full_disk():
    """No file grows above 2,000 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_keeps_what_was_saved_and_says_so(folder):
    write_photo(folder / 'image/cat.jpg', *SIZE[::-1])
    write_png(folder / 'video/walk/0.png', np.zeros((*SIZE, 3), np.uint8))
    client = open_page(folder)
    assert draw(client, 'cat', noise(0)).status_code == 200
    layer = dict(params=dict(video='video/walk', kind='masks', number=0), headers={'x-version': 'none'})
    boxes = [dict(id=index, box=[1, 2, 100, 100]) for index in range(1, 100)]
    before = (folder / 'scribble/cat.png').read_bytes()
    with full_disk():
        answers = [
            draw(client, 'cat', noise(1)),
            client.post('/api/layer', content=zlib.compress(noise(1).tobytes()), **layer),
            client.post('/api/boxes', json=dict(key='cat', boxes=boxes, version='none')),
            client.post(
                '/api/prompts', json=dict(video='video/walk', boxes=[dict(box, frame=0) for box in boxes], version='none')
            ),
        ]  # fmt: skip
        thumb = client.get('/api/thumb?key=cat')
    assert [answer.status_code for answer in answers] == [422] * 4
    for answer in answers:
        assert 'cannot be written' in answer.json()['error']
        assert 'Free some space' in answer.json()['error']
        assert '--out' not in answer.json()['error']
    assert thumb.status_code == 200
    assert (folder / 'scribble/cat.png').read_bytes() == before
    assert not [path for path in folder.rglob('*') if path.suffix == '.tmp']
    assert not (folder / 'boxes.csv').exists()
    # When there is room again, the same page saves.
    assert draw(client, 'cat', noise(1)).status_code == 200
    assert (read_annotation(folder / 'scribble/cat.png', 'index') == noise(1)).all()


def test_an_image_of_no_bytes_is_on_the_wall_and_is_not_labelled(folder):
    (folder / 'image/dog.jpg').write_bytes(b'')
    client = open_page(folder)
    assert [entry['key'] for entry in client.get('/api/images').json()] == ['cat', 'dog', 'emu']
    for path in ('thumb', 'view', 'info'):
        answer = client.get(f'/api/{path}?key=dog')
        assert answer.status_code == 422
        assert 'dog.jpg' in answer.json()['error']
    answer = client.post('/api/scribble?key=dog', content=b'', headers={'x-version': 'none'})
    assert answer.status_code == 422
    assert not (folder / 'scribble').exists()
