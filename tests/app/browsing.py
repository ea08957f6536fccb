"""The page of a folder in Chromium, with a mouse."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from urllib.parse import unquote_plus

import pytest

from salseg.app.jobs import Jobs, _began
from salseg.cli.main import main
from tests.needs import ROOT

CHROMIUM, DRIVER = (shutil.which(name) for name in ('chromium', 'chromedriver'))


def needs_browser():
    """Skip the module where there is none."""
    pytest.importorskip('selenium.webdriver', reason='selenium is not installed')
    if CHROMIUM is None or DRIVER is None:
        pytest.skip('chromium and chromedriver are not installed', allow_module_level=True)


class Page:
    """A browser on the page of a folder.

    Args:
        browser: Selenium's driver.
        address: Of the page.
    """

    def __init__(self, browser, address):
        self.browser, self.address = browser, address
        # What earlier pages wrote to the console.
        browser.get_log('browser')

    def all(self, selector):
        return self.browser.find_elements('css selector', selector)

    def one(self, selector, seconds=30):
        return self.until(lambda: self.all(selector), seconds)[0]

    def until(self, test, seconds=30, every=0.05):
        from selenium.common.exceptions import StaleElementReferenceException

        end = time.monotonic() + seconds
        while True:
            try:
                found = test()
            except StaleElementReferenceException:
                # Replaced while it was looked at.
                found = None
            if found:
                return found
            if time.monotonic() > end:
                log = [entry['message'] for entry in self.browser.get_log('browser')]
                raise AssertionError(f'not within {seconds} s: {self.text("body")[:2000]} {log}')
            time.sleep(every)

    def text(self, selector):
        from selenium.common.exceptions import StaleElementReferenceException

        while True:
            found = self.all(selector)
            try:
                return found[0].text if found else ''
            except StaleElementReferenceException:
                # Replaced while it was looked at.
                continue

    def click(self, selector):
        def clicked():
            self.one(selector).click()
            return True

        self.until(clicked)

    def open(self, key=''):
        self.browser.get('about:blank')
        self.browser.get(f'{self.address}#{key}')
        self.one('[data-ready]' if key else '.card')

    def drag(self, size, start, end):
        """From one place to another, in fractions of the image of size (H, W) as it is fitted into the window."""
        canvas = self.one('.stage canvas')
        wide, high = canvas.size['width'], canvas.size['height']
        scale = min((wide - 40) / size[1], (high - 40) / size[0], 8)
        from_, to = ([round((f - 0.5) * side * scale) for f, side in zip(place, size[::-1])] for place in (start, end))
        from selenium.webdriver.common.action_chains import ActionChains

        chain = ActionChains(self.browser, duration=60).move_to_element_with_offset(canvas, *from_).click_and_hold()
        chain.move_by_offset(to[0] - from_[0], to[1] - from_[1]).release().perform()
        return scale

    def saved(self):
        self.until(lambda: self.text('.saved') == 'saved')

    def ended(self, title, seconds=240):
        """Wait for the good end of a job."""
        state = self.until(
            lambda: [s for s in ('done', 'failed', 'stopped') if f'{title}: {s}' in self.text('#job-state')],
            seconds,
            0.4,
        )
        assert state == ['done'], self.text('#job')

    def press(self, *keys):
        self.one('body').send_keys(*keys)


@contextlib.contextmanager
def chromium():
    """A browser."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for word in ('headless=new', 'no-sandbox', 'disable-gpu', 'disable-dev-shm-usage', 'window-size=1200,800'):
        options.add_argument(f'--{word}')
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        yield browser
    finally:
        browser.quit()


@contextlib.contextmanager
def serving(folder, *words):
    """The process that serves a folder, and its address."""
    words = [sys.executable, '-m', 'salseg', 'app', str(folder), '--port', '0', *words]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        status = 0
        try:
            yield server, server.stdout.readline().split()[1]
        finally:
            if server.poll() is None:
                os.kill(server.pid, signal.SIGINT)
                status = server.wait(30)
    assert status == 0


@contextlib.contextmanager
def browse(browser, folder, *words):
    """A `Page` of a folder that a process of its own serves."""
    with serving(folder, *words) as (_, address):
        yield Page(browser, address)
        browser.get('about:blank')


class Here(Jobs):
    """Jobs that the test runs in its own process, where torch is imported already; the page sees them run."""

    def start(self, job, anew=True):
        """Note it; `run` runs it."""
        job.state, job.pid, job.began, job.seconds = 'running', os.getpid(), _began(os.getpid()), time.time()
        self.job = job
        self._note()

    def run(self):
        """Run the words of the job that was started."""
        assert self.job.state == 'running'
        self._ended(self.job, main(self.job.words))


class Held:
    """An app some answers of which come late.

    Args:
        app: The page's.
    """

    def __init__(self, app):
        self.app, self.gates = app, {}

    async def __call__(self, scope, receive, send):
        from starlette.concurrency import run_in_threadpool

        asked = f'{scope.get("path", "")}?{unquote_plus(scope.get("query_string", b"").decode())}'
        for beginning, gate in list(self.gates.items()):
            if asked.startswith(beginning):
                await run_in_threadpool(gate.wait, 60)
        await self.app(scope, receive, send)

    @contextlib.contextmanager
    def hold(self, page, beginning):
        """Answers to addresses that begin so come when the block is left, and are read before it ends."""
        gate = self.gates[beginning] = threading.Event()
        came = partial(page.browser.execute_script, CAME, beginning)
        before = came()
        try:
            yield
        finally:
            gate.set()
            del self.gates[beginning]
        page.until(lambda: came() > before)
        # What the page does with it.
        page.browser.execute_async_script('const done = arguments[0]; setTimeout(done, 100)')


CAME = """
return performance.getEntriesByType('resource').filter(one => {
  const asked = new URL(one.name);
  return (asked.pathname + decodeURIComponent(asked.search)).startsWith(arguments[0]);
}).length
"""


@contextlib.contextmanager
def browse_here(browser, folder, model):
    """A `Page` of a folder that a thread serves, its `Here`, and its `Held`."""
    import uvicorn

    from salseg.app.server import make_app

    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        listener.listen()
        port = listener.getsockname()[1]
        app = make_app(folder, [model], port=port)
        jobs = app.state.page.jobs = Here(app.state.page.workspace)
        held = Held(app)
        server = uvicorn.Server(uvicorn.Config(held, log_level='error', lifespan='off'))
        thread = threading.Thread(target=server.run, kwargs=dict(sockets=[listener]))
        thread.start()
        try:
            yield Page(browser, f'http://127.0.0.1:{port}/'), jobs, held
            browser.get('about:blank')
        finally:
            server.should_exit = True
            thread.join(30)
