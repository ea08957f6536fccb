"""A folder of small images and a client of its page."""

import zlib

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip('starlette', reason='the extra app is not installed')
pytest.importorskip('httpx', reason="starlette's test client needs httpx")

from starlette.testclient import TestClient

from salseg.app.server import make_app
from salseg.engine.config.run_folder import write_run_config
from salseg.registry import MODELS
from tests.app.browsing import chromium, needs_browser

ADDRESS = 'http://127.0.0.1:7860'


def write_photo(path, width=30, height=20, orientation=1):
    """A JPEG of a bright square on dark ground, with an EXIF orientation."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((height, width, 3), 40, np.uint8)
    image[height // 4 : height // 2, width // 4 : width // 2] = (220, 180, 60)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(image).save(path, quality=95, exif=exif)
    return path


@pytest.fixture(scope='session')
def browser():
    """One for all pages."""
    needs_browser()
    with chromium() as browser:
        yield browser


@pytest.fixture()
def folder(tmp_path):
    """Three images in image/."""
    for name in ('cat', 'dog', 'emu'):
        write_photo(tmp_path / 'own/image' / f'{name}.jpg')
    return tmp_path / 'own'


def open_page(folder, **options):
    """A client that asks as the page does."""
    return TestClient(make_app(folder, **options), base_url=ADDRESS, headers={'origin': ADDRESS})


@pytest.fixture()
def client(folder):
    """The page of the folder."""
    return open_page(folder)


def draw(client, key, codes, version=None):
    """Save a scribble as the page does."""
    if version is None:
        version = client.get('/api/scribble', params={'key': key}).headers['x-version']
    return client.post(
        '/api/scribble', params={'key': key}, content=zlib.compress(codes.tobytes()), headers={'x-version': version}
    )


def drawn(client, key, height, width):
    """Codes as the page is given them."""
    answer = client.get('/api/scribble', params={'key': key})
    assert answer.status_code == 200, answer.text
    return np.frombuffer(zlib.decompress(answer.content), np.uint8).reshape(height, width)


def write_run(config, place):
    """A run of a model as it is before training: its config and a checkpoint."""
    # They need parts that are registered here alone, and not in a child that the page starts.
    for name in ('train_dataloader', 'val_dataloader', 'train_cfg', 'val_cfg', 'test_cfg'):
        config[name] = None
    write_run_config(config, place)
    torch.save(dict(state_dict=MODELS.build(config.model).state_dict()), place / 'iter_1.pth')
    return str(place)
