"""Nobody but the page is answered, and no path leads out of the folder."""

import os
import re

import pytest

from salseg.app import guard
from salseg.app.server import STATIC
from salseg.errors import ConfigError
from tests.app.conftest import ADDRESS, open_page, write_photo

ELSEWHERE = ('evil.example:7860', '127.0.0.1:80', '127.0.0.1', '')


@pytest.mark.parametrize('host', ELSEWHERE)
def test_a_name_that_somebody_else_bound_to_this_computer_is_refused(client, host):
    answer = client.get('/api/state', headers={'host': host})
    assert answer.status_code == 403
    assert 'open the address that it printed' in answer.json()['error']


@pytest.mark.parametrize('path', ['/', '/api/state', '/api/thumb?key=cat', '/app.js'])
@pytest.mark.parametrize(
    'headers', [{'origin': 'http://evil.example'}, {'origin': 'null'}, {'sec-fetch-site': 'cross-site'}]
)
def test_other_origins_are_refused_on_every_path(client, path, headers):
    assert client.get(path, headers=headers).status_code == 403
    assert client.post(path, headers=headers).status_code == 403


def test_own_names_are_answered(client):
    for host in ('127.0.0.1:7860', 'localhost:7860', '[::1]:7860'):
        assert client.get('/', headers={'host': host, 'origin': f'http://{host}'}).status_code == 200


def test_off_this_computer_a_token_is_needed(folder):
    client = open_page(folder, host='192.0.2.7', port=80, token='secret')
    own = {'host': '192.0.2.7', 'origin': 'http://192.0.2.7:80'}
    assert client.get('/api/state', headers=own).status_code == 401
    assert client.get('/api/state?token=wrong', headers=own).status_code == 401
    assert client.get('/api/state', headers={**own, 'cookie': 'salseg_token=wrong'}).status_code == 401
    answer = client.get('/?token=secret', headers=own, follow_redirects=False)
    assert answer.status_code == 303
    assert 'HttpOnly' in answer.headers['set-cookie']
    assert 'samesite=strict' in answer.headers['set-cookie'].lower()
    assert client.get('/api/state', headers={**own, 'cookie': 'salseg_token=secret'}).status_code == 200
    assert (
        client.get('/api/state', headers={'host': 'evil.example', 'cookie': 'salseg_token=secret'}).status_code == 403
    )


@pytest.mark.parametrize('host', ['0.0.0.0', '::', ''])
def test_every_network_at_once_is_not_served(folder, host):
    with pytest.raises(ConfigError, match='name one address'):
        open_page(folder, host=host, token='secret')


def test_what_is_sent_is_bounded(client, monkeypatch):
    monkeypatch.setattr(guard, 'MAX_BODY', 1000)
    assert client.post('/api/scribble?key=cat', content=b'x' * 1001).status_code == 413
    # A length that is not said is counted as it comes.
    assert client.post('/api/scribble?key=cat', content=iter([b'x' * 600, b'x' * 600])).status_code == 413
    assert client.post('/api/scribble?key=cat', content=b'x' * 900).status_code == 422


def test_a_packed_scribble_of_any_size_is_unpacked_no_further_than_the_image(client):
    import zlib

    answer = client.post('/api/scribble?key=cat', content=zlib.compress(bytes(10**7)), headers={'x-version': 'none'})
    assert answer.status_code == 422
    assert '30x20' in answer.json()['error']


OUTSIDE = (
    '../secret',
    '../../secret',
    '/etc/passwd',
    'a/../../secret',
    'cat\0',
    '..',
    'link',
    'away/secret',
    'deep/away',
)


@pytest.mark.parametrize('key', OUTSIDE)
@pytest.mark.parametrize('path', ['thumb', 'view', 'info', 'scribble'])
def test_no_key_leads_out_of_the_folder(client, folder, key, path):
    lay_traps(folder)
    assert client.get(f'/api/{path}', params={'key': key}).status_code == 404


def lay_traps(folder):
    outside = folder.parent / 'outside'
    write_photo(outside / 'secret.jpg')
    write_photo(folder.parent / 'secret.jpg')
    (folder / 'image/link.jpg').symlink_to(folder.parent / 'secret.jpg')
    (folder / 'image/away').symlink_to(outside)
    (folder / 'image/deep').mkdir()
    (folder / 'image/deep/away.jpg').symlink_to(outside / 'secret.jpg')


def test_links_that_lead_out_are_not_on_the_wall(client, folder):
    lay_traps(folder)
    os.symlink(folder / 'image/cat.jpg', folder / 'image/inside.jpg')
    assert [entry['key'] for entry in client.get('/api/images').json()] == ['cat', 'dog', 'emu', 'inside']


def test_a_scribble_folder_that_leads_out_is_not_written(client, folder):
    (folder.parent / 'outside').mkdir()
    (folder / 'scribble').symlink_to(folder.parent / 'outside')
    answer = client.post('/api/scribble?key=cat', content=b'', headers={'x-version': 'none'})
    assert answer.status_code == 404
    assert not list((folder.parent / 'outside').iterdir())


@pytest.mark.parametrize('place', ['salseg_app', 'salseg_app/maps', 'salseg_app/maps/salseg-demo'])
def test_results_are_not_written_where_a_link_leads_out(client, folder, place):
    outside = folder.parent / 'outside'
    outside.mkdir()
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    (folder / place).symlink_to(outside)
    assert client.get('/api/thumb?key=cat').status_code == 200
    answer = client.post('/api/start', json=dict(kind='predict', model='salseg-demo'))
    assert answer.status_code == 404
    assert 'is not in' in answer.json()['error']
    assert not list(outside.iterdir())


@pytest.mark.parametrize('file', ['../image/cat.jpg', '/etc/passwd', '../../secret.jpg', ''])
def test_result_files_are_those_of_the_page_alone(client, folder, file):
    (folder / 'salseg_app').mkdir()
    write_photo(folder.parent / 'secret.jpg')
    assert client.get('/api/own-file', params={'file': file}).status_code == 404
    assert client.get('/api/map', params={'model': '../..', 'key': 'cat'}).status_code == 404
    assert client.get('/api/map', params={'model': 'x', 'key': 'cat', 'kind': '../../image'}).status_code == 404


def test_files_of_a_track_are_those_of_its_folder(client, folder):
    write_photo(folder / 'video/walk/0.jpg')
    (folder / 'salseg_app/tracks/video/walk').mkdir(parents=True)
    (folder / 'salseg_app/tracks/video/walk/out').symlink_to(folder.parent)
    for file in ('../../../../image/cat.jpg', '/etc/passwd', 'out/secret.jpg', '../walk2/x', ''):
        answer = client.get('/api/track-file', params={'video': 'video/walk', 'file': file})
        assert answer.status_code == 404, file
    for video in ('../own', '/etc', 'video/../video/walk', ''):
        for path in ('video', 'frame', 'layer', 'track-file'):
            assert client.get(f'/api/{path}', params={'video': video, 'kind': 'masks'}).status_code == 404


def test_only_models_that_were_named_are_run(client, folder):
    (folder / 'evil.py').write_text('raise SystemExit(3)\n')
    for model in (str(folder / 'evil.py'), '../evil.py', 'evil.py', '--out'):
        answer = client.post('/api/start', json={'kind': 'predict', 'model': model})
        assert answer.status_code == 404
        assert 'salseg-demo' in answer.json()['error']


def test_the_page_has_no_reference_to_elsewhere_and_makes_no_html_of_names(client):
    for path in STATIC.iterdir():
        text = path.read_text(encoding='utf-8').replace('http://www.w3.org/2000/svg', '')
        assert not re.search(r'https?://|//cdn|@import', text), path.name
        assert not re.search(r'innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(', text), path.name
    answer = client.get('/')
    assert "default-src 'self'" in answer.headers['content-security-policy']
    assert answer.headers['x-content-type-options'] == 'nosniff'
    for name in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
        assert client.get(f'/{name}').status_code == 200
    assert ADDRESS not in answer.text


@pytest.mark.parametrize(
    'body', [b'', b'[]', b'{', b'{"kind": 3}', b'{"kind": "train", "recipe": "x", "steps": 100}', b'\xff']
)
def test_a_request_that_no_page_sends_gets_a_sentence(client, body):
    answer = client.post('/api/start', content=body)
    assert answer.status_code == 422
    assert answer.json()['error'].endswith('.')
