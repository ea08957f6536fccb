"""The wall, the videos, the scores; and a start without torch."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from salseg.app.pixels import doubt
from salseg.cli.main import main
from salseg.io.images import write_png
from tests.app.conftest import open_page, write_photo
from tests.needs import ROOT

COLD = """
import sys
from starlette.testclient import TestClient
from salseg.app.server import make_app
client = TestClient(make_app(sys.argv[1]), base_url='http://127.0.0.1:7860')
for path in ('/', '/api/state', '/api/images', '/api/thumb?key=cat', '/api/info?key=cat', '/api/scribble?key=cat'):
    assert client.get(path).status_code == 200, path
print([name for name in ('torch', 'mmengine', 'mmcv', 'matplotlib') if name in sys.modules])
"""


def test_the_page_starts_and_shows_images_without_torch(folder):
    done = subprocess.run([sys.executable, '-c', COLD, folder], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == '[]', done.stdout + done.stderr


@pytest.mark.parametrize('end', [signal.SIGINT, signal.SIGTERM])
def test_the_address_answers_as_soon_as_it_is_printed_and_ctrl_c_is_a_good_end(folder, end):
    words = [sys.executable, '-m', 'salseg', 'app', folder, '--port', '0']
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            address = server.stdout.readline().split()[1].removeprefix('http://').rstrip('/')
            connection = http.client.HTTPConnection(address, timeout=30)
            connection.request('GET', '/api/state')
            assert connection.getresponse().read()
            # An answer whose head waits to be confirmed takes 40 ms each time; the best of some is not that of a busy computer.
            assert min(seconds(connection) for _ in range(20)) < 0.03
        finally:
            server.send_signal(end)
        assert server.wait(30) == 0


def seconds(connection):
    began = time.perf_counter()
    connection.request('GET', '/api/job')
    assert connection.getresponse().read() == b'null'
    return time.perf_counter() - began


def test_the_folder_may_be_missing(tmp_path, capsys):
    assert main(['app', str(tmp_path / 'nowhere')]) == 2
    assert 'does not exist' in capsys.readouterr().err
    assert main(['app', str(tmp_path), '--host', '0.0.0.0']) == 2
    assert 'name one address' in capsys.readouterr().err
    assert main(['app', str(tmp_path), '--port', '70000']) == 2


def test_thumbnails_are_upright_small_and_follow_their_file(tmp_path):
    path = write_photo(tmp_path / 'image/a.jpg', 600, 400, 6)
    client = open_page(tmp_path)

    def size(name):
        data = client.get(f'/api/{name}?key=a').content
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION).shape[:2]

    assert size('thumb') == (224, 149)
    assert size('view') == (600, 400)
    assert client.get('/api/info?key=a').json()['width'] == 400
    assert size('thumb') == (224, 149)
    write_photo(path, 300, 100)
    assert size('thumb') == (75, 224)


def test_a_disk_without_room_for_thumbnails_still_shows_them(client, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('pathlib.Path.write_bytes', full)
    assert client.get('/api/thumb?key=cat').status_code == 200


def test_three_thousand_images_are_listed_without_opening_one(tmp_path, monkeypatch):
    for number in range(3000):
        (tmp_path / f'{number}.jpg').touch()
    client = open_page(tmp_path)
    monkeypatch.setattr('pathlib.Path.read_bytes', None)
    entries = client.get('/api/images').json()
    # In the natural order.
    assert [entry['key'] for entry in entries] == [str(number) for number in range(3000)]


def test_doubt_of_maps(tmp_path):
    def of(grey):
        return doubt(write_png(tmp_path / 'a.png', np.asarray(grey, np.uint8)))

    sure = np.zeros((10, 10))
    sure[:5] = 255
    assert of(sure) == 0
    assert of(np.full((10, 10), 128)) == pytest.approx(127 / 128)
    # Nothing found is no certainty.
    assert of(np.zeros((10, 10))) == 1
    sure[5] = 51
    assert of(sure) == pytest.approx(10 * 0.2 / (50 + 10 * 0.2))


def test_scores_are_those_of_the_command(folder, capsys):
    mask = np.zeros((20, 30), np.uint8)
    mask[5:10, 7:15] = 255
    for name in ('cat', 'dog'):
        write_png(folder / f'mask/{name}.png', mask)
        write_png(folder / f'salseg_app/maps/demo/mask/{name}.png', np.roll(mask, 3 * (name == 'dog'), 0))
    client = open_page(folder, models=['demo'])
    assert client.get('/api/scores?model=demo').status_code == 404
    job = client.app.state.page.commands.evaluate('demo')
    assert main([*job.words, '--processes', '1']) == 0
    found = client.get('/api/scores?model=demo').json()
    written = json.loads((folder / 'salseg_app/scores/demo/metrics.json').read_text())
    assert found['metrics'] == written['methods'][0]['metrics']
    assert found['metrics']['mae'] > 0
    assert 'dog' in found['worst'][0]
    assert client.get('/api/own-file', params={'file': found['worst'][0]}).content[:4] == b'\x89PNG'
    errors = [entry.get('error', -1) for entry in client.get('/api/images?model=demo').json()]
    assert errors[0] == 0
    assert errors[1] == pytest.approx(48 / 600)
    assert errors[2] == -1
    # What was predicted anew was not scored yet.
    path = write_png(folder / 'salseg_app/maps/demo/mask/dog.png', mask)
    os.utime(path, (time.time() + 9, time.time() + 9))
    assert 'error' not in client.get('/api/images?model=demo').json()[1]
