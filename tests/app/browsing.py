"""The page of a folder in Chromium, with a mouse."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

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

    def all(self, selector):
        return self.browser.find_elements('css selector', selector)

    def one(self, selector, seconds=30):
        return self.until(lambda: self.all(selector), seconds)[0]

    def until(self, test, seconds=30):
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
            time.sleep(0.05)

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
            lambda: [s for s in ('done', 'failed', 'stopped') if f'{title}: {s}' in self.text('#job-state')], seconds
        )
        assert state == ['done'], self.text('#job')

    def press(self, *keys):
        self.one('body').send_keys(*keys)


@contextlib.contextmanager
def serving(folder, *words):
    """The process that serves a folder, and its address."""
    words = [sys.executable, '-m', 'salseg', 'app', str(folder), '--port', '0', *words]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server, server.stdout.readline().split()[1]
        finally:
            if server.poll() is None:
                os.kill(server.pid, signal.SIGINT)
                status = server.wait(30)
    assert status == 0


@contextlib.contextmanager
def browse(folder, *words):
    """A `Page` of a folder."""
    from selenium import webdriver

    with serving(folder, *words) as (_, address):
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for word in ('headless=new', 'no-sandbox', 'disable-gpu', 'disable-dev-shm-usage', 'window-size=1200,800'):
            options.add_argument(f'--{word}')
        options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
        try:
            yield Page(browser, address)
        finally:
            browser.quit()
