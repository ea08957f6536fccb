"""The page while answers come late: what was chosen last is what is seen."""

import contextlib

import pytest
from selenium.webdriver.support.ui import Select

from tests.app.browsing import browse_here, needs_browser
from tests.app.conftest import write_photo

needs_browser()


@pytest.fixture()
def late(browser, tmp_path):
    write_photo(tmp_path / 'image/cat.jpg')
    for name in ('run', 'walk'):
        for number in range(3):
            write_photo(tmp_path / f'video/{name}/{number}.jpg', 48, 40)
    with browse_here(browser, tmp_path, str(tmp_path / 'no-model')) as (page, _, held):
        page.browser.get('about:blank')
        yield page, held
        log = [entry['message'] for entry in page.browser.get_log('browser') if entry['level'] == 'SEVERE']
        assert log == []


@contextlib.contextmanager
def beginning(page, held, asked):
    """The page is opened, and the answers to its first questions are late."""
    page.browser.get('about:blank')
    with held.hold(page, asked):
        page.browser.get(page.address)
        yield


# Another tab while the pointer is on the frame, whose canvas hears of it only when it is gone.
LEAVE = """
const canvas = document.querySelector('.stage canvas'), done = arguments[1];
document.querySelector(arguments[0]).click();
setTimeout(() => { canvas.dispatchEvent(new PointerEvent('pointerleave')); done(); }, 200);
"""


def seen(page):
    """The kinds of places that are in the window."""
    return [kind for kind in ('#wall', '.stage', '.pairs', '.empty') if page.all(f'#main {kind}')]


@pytest.mark.parametrize('asked', ['/api/images', '/api/state'])
def test_a_tab_that_is_chosen_before_the_page_is_there(late, asked):
    page, held = late
    with beginning(page, held, asked):
        page.click('[data-tab=video]')
        if asked == '/api/images':
            page.one('[data-shown="0"]')
    page.one('[data-shown="0"]')
    assert seen(page) == ['.stage']
    assert page.one('[data-tab=video]').get_attribute('class') == 'on'
    page.click('[data-tab=images]')
    page.one('.card')
    assert seen(page) == ['#wall']


@pytest.mark.parametrize(
    ('tab', 'asked'),
    [
        ('images', '/api/images'),
        ('groups', '/api/group'),
        ('groups', '/api/images'),
        ('video', '/api/video'),
        ('video', '/api/frame'),
    ],
)
def test_a_tab_that_is_left_before_its_answer(late, tab, asked):
    page, held = late
    page.open()
    page.click('[data-tab=evaluate]')
    page.one('.empty')
    with held.hold(page, asked):
        page.click(f'[data-tab={tab}]')
        page.until(lambda: seen(page) == (['.stage'] if asked == '/api/frame' else []))
        page.click('[data-tab=evaluate]')
        page.one('.empty')
    assert seen(page) == ['.empty']
    assert 'Score' in page.text('#side')
    # And it is as it should be when one returns.
    page.click(f'[data-tab={tab}]')
    page.one('[data-shown="0"]' if tab == 'video' else '.card')
    assert seen(page) == [dict(video='.stage').get(tab, '#wall')]


def test_the_video_that_was_chosen_last_is_open(late):
    page, held = late
    page.open()
    page.click('[data-tab=video]')
    page.one('[data-shown="0"]')
    choose = lambda name: Select(page.one('select[aria-label=video]')).select_by_value(name)  # noqa: E731
    with held.hold(page, '/api/video?video=video/walk'):
        choose('video/walk')
        choose('video/run')
        page.one('[data-ready="video/run"][data-shown="0"]')
    assert page.one('.stage canvas').get_attribute('data-ready') == 'video/run'
    page.press('r')
    page.drag((40, 48), (0.25, 0.25), (0.5, 0.5))
    page.until(lambda: page.text('.saved') == 'saved')
    page.browser.execute_async_script(LEAVE, '[data-tab=images]')
    page.one('.card')
