"""A person's path through `salseg app`: draw scribbles on 10 images with a mouse, train, get masks of the 27 others.

    python benchmarks/learning/label_in_browser.py DATA [--steps 400] [--out work_dirs/label_in_browser]

DATA is a folder with ECSSD's images in image/, masks in mask/ and names in test.txt, 37 of which the first ten are those of
`SCRIBBLES`. Positions were chosen by looking at the images; no mask was read, and none lies in the folder of the page. Needs
Chromium, its driver and selenium. Prints what each part took and two tables of scores, of the 27 images and of all 37: the
trained model, the demo model, a centre prior. Writes screenshots of what was seen.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from salseg.cli.main import main as salseg
from salseg.datasets.synthetic import centre_prior
from salseg.io.images import image_size, write_png

# By image: scribbles on the object and on the background, as corners in hundredths of width and height.
Line = list[tuple[float, float]]
SCRIBBLES: dict[str, tuple[list[Line], list[Line]]] = {
    '0690': (
        [
            [(4.5, 47), (7.5, 36), (17, 29.5), (26.5, 36), (30, 47)],
            [(93, 49), (89.5, 37), (80.7, 31), (72, 37)],
            [(20, 66), (23.5, 77.5), (33.3, 83.5), (43, 77.5)],
        ],
        [[(5, 10), (95, 12)], [(17, 40), (17, 55)], [(2, 93), (28, 90)]],
    ),
    '0698': (
        [[(6, 93), (20, 72), (40, 65), (53, 52), (60, 40)], [(30, 90), (38, 78)]],
        [[(5, 15), (40, 20), (50, 10)], [(85, 35), (90, 70), (70, 90)], [(5, 55), (25, 50)]],
    ),
    '0702': (
        [[(44, 30), (44, 43)], [(5, 46), (90, 46)], [(67, 60), (67, 72)]],
        [[(5, 15), (30, 20)], [(60, 20), (75, 35)], [(10, 75), (50, 85), (90, 90)]],
    ),
    '0734': (
        [[(43, 15), (43, 25)], [(42, 35), (42, 60), (42, 95)], [(28, 50), (27, 62), (40, 65)]],
        [[(6, 10), (30, 10)], [(65, 10), (80, 30), (75, 80)], [(5, 60), (15, 80)]],
    ),
    '0735': (
        [[(50, 15), (50, 35), (50, 60), (50, 90)], [(36, 37), (68, 37)]],
        [[(10, 10), (35, 15)], [(80, 10), (85, 50), (85, 80)], [(10, 40), (10, 70), (20, 80)]],
    ),
    '0746': (
        [[(30, 60), (85, 60)], [(30, 46), (80, 46)], [(13, 68), (20, 68)]],
        [[(5, 10), (50, 8)], [(55, 30), (90, 20)], [(10, 92), (90, 95)]],
    ),
    '0751': (
        [[(24, 35), (23, 60), (21, 75)], [(57.5, 20), (57.5, 40), (57.5, 65)], [(83, 30), (85, 50), (85, 70)]],
        [[(5, 70), (12, 85), (90, 95)], [(10, 15), (18, 30)], [(68, 20), (70, 40)]],
    ),
    '0757': (
        [[(50, 30), (50, 45)], [(36, 80), (45, 72), (60, 72), (67, 80)], [(50, 55), (53, 68)]],
        [[(5, 15), (40, 12)], [(80, 50), (90, 85), (20, 95)], [(10, 60), (25, 80)]],
    ),
    '0767': (
        [[(12, 35), (12, 80)], [(45, 30), (45, 80)], [(60, 30), (61, 80)]],
        [[(3, 4), (45, 4)], [(92, 20), (95, 70)], [(10, 95), (90, 95)]],
    ),
    '0781': (
        [[(20, 43), (40, 38), (60, 40), (68, 25)], [(50, 50), (70, 45)], [(39.3, 66), (37.5, 85)]],
        [[(10, 15), (50, 10)], [(85, 20), (90, 60)], [(10, 75), (30, 85)]],
    ),
}


def main(argv: list[str] | None = None) -> int:
    """Label, train, predict, score."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', type=Path, metavar='DATA', help='folder with image/, mask/ and test.txt')
    parser.add_argument('--steps', type=int, default=400, choices=(100, 200, 400, 1000), help='a budget of the page')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/label_in_browser'), metavar='DIR')
    args = parser.parse_args(argv)
    names = (args.data / 'test.txt').read_text(encoding='utf-8').split()
    if names[: len(SCRIBBLES)] != list(SCRIBBLES):
        parser.error(f'{args.data}/test.txt does not begin with {", ".join(SCRIBBLES)}.')
    folder = args.out / 'images'
    if folder.exists():
        parser.error(f'{folder} is there already; choose another --out.')
    (folder / 'image').mkdir(parents=True)
    for name in names:
        shutil.copy(args.data / f'image/{name}.jpg', folder / 'image')
    with opened(folder) as browser:
        _timed('labelling 10 images', lambda: label(browser, folder, args.out))
        trained = _timed(f'training {args.steps} steps, predicting 37 images', lambda: train(browser, args))
        print(f'  processor time of both: {trained / 60:.1f} min')
        look(browser, args.out)
        _timed('predicting with the demo', lambda: demo(browser))
    for name in names:
        prior = centre_prior(*image_size(args.data / f'image/{name}.jpg'))
        write_png(args.out / f'centre/{name}.png', (prior * 255).round().astype('uint8'))
    maps = folder / 'salseg_app/maps'
    methods = {'trained': maps / 'model-1/mask', 'demo': maps / 'salseg-demo/mask', 'centre prior': args.out / 'centre'}
    for title, chosen in (('27', names[len(SCRIBBLES) :]), ('37', names)):
        listed = args.out / f'{title}.txt'
        listed.write_text('\n'.join(chosen) + '\n', encoding='utf-8')
        words = [*(f'{name}={path}' for name, path in methods.items()), str(args.data / 'mask'), '--list', str(listed)]
        print(f'\n{title} images', flush=True)
        # In this process, which has threads: a copy of it could hang.
        words += ['--protocol', 'sod', '--allow-extra', '--processes', '1', '--out', str(args.out / title)]
        status = salseg(['evaluate', *words])
        if status:
            return status
    return 0


@contextmanager
def opened(folder: Path) -> Iterator[Any]:
    """The page of a folder, in a browser."""
    from selenium import webdriver

    words = [sys.executable, '-m', 'salseg', 'app', str(folder), '--port', '0']
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[1]
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which('chromium') or ''
        for word in ('headless=new', 'no-sandbox', 'disable-gpu', 'disable-dev-shm-usage', 'window-size=1200,800'):
            options.add_argument(f'--{word}')
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which('chromedriver')))
        try:
            browser.get(address)
            yield browser
        finally:
            browser.quit()
            os.kill(server.pid, signal.SIGINT)


def label(browser: Any, folder: Path, out: Path) -> None:
    """Draw, and wait until each image's labels are on the disk."""
    address = browser.current_url.split('#')[0]
    for name, classes in SCRIBBLES.items():
        browser.get('about:blank')
        browser.get(f'{address}#{name}')
        _find(browser, f'[data-ready="{name}"]')
        for key, lines in zip('fb', classes):
            browser.find_element('css selector', 'body').send_keys(key)
            for line in lines:
                draw(browser, image_size(folder / f'image/{name}.jpg'), line)
        _until(lambda: browser.find_element('css selector', '.saved').text == 'saved')
        _until(lambda name=name: (folder / f'scribble/{name}.png').exists())
        browser.save_screenshot(str(out / f'drawn-{name}.png'))


def draw(browser: Any, size: tuple[int, int], line: Line) -> None:
    """One scribble on an image of size (H, W), as it is fitted into the window."""
    from selenium.webdriver.common.action_chains import ActionChains

    canvas = _find(browser, '.stage canvas')
    scale = min((canvas.size['width'] - 40) / size[1], (canvas.size['height'] - 40) / size[0], 8)
    places = [(round((x / 100 - 0.5) * size[1] * scale), round((y / 100 - 0.5) * size[0] * scale)) for x, y in line]
    chain = ActionChains(browser, duration=80).move_to_element_with_offset(canvas, *places[0]).click_and_hold()
    for before, after in pairwise(places):
        chain.move_by_offset(after[0] - before[0], after[1] - before[1])
    chain.release().perform()


def train(browser: Any, args: argparse.Namespace) -> float:
    """Press Train, wait for the maps; seconds of processor time of the commands."""
    browser.get(browser.current_url.split('#')[0])
    browser.refresh()
    _choose(browser, 'budget', str(args.steps))
    _find(browser, '#train').click()
    spent: dict[int, float] = {}
    note = args.out / 'images/salseg_app/job.json'
    shot = False

    def ended() -> bool:
        nonlocal shot
        state = _text(browser, '#job-state')
        spent.update(_spent(note))
        if not shot and ' loss ' in _text(browser, '#job'):
            shot = browser.save_screenshot(str(args.out / 'training.png'))
        if 'failed' in state or 'stopped' in state:
            raise SystemExit(_text(browser, '#job'))
        return 'predicting with model-1: done' in state

    _until(ended, 7200)
    return sum(spent.values())


def look(browser: Any, out: Path) -> None:
    """Screenshots of what a person looks at."""
    _choose(browser, 'order', 'doubt')
    time.sleep(3)
    browser.save_screenshot(str(out / 'least_sure_first.png'))
    browser.find_element('css selector', '#wall').send_keys('')
    browser.execute_script("document.getElementById('wall').scrollTop = 1e6")
    time.sleep(2)
    browser.save_screenshot(str(out / 'most_sure.png'))


def demo(browser: Any) -> None:
    """Maps of the model that comes with the package."""
    _choose(browser, 'model', 'salseg-demo')
    _find(browser, '#predict').click()
    _until(lambda: 'predicting with salseg-demo: done' in _text(browser, '#job-state'), 1200)


def _spent(note: Path) -> dict[int, float]:
    """Processor seconds so far by process of the job's group."""
    try:
        group = json.loads(note.read_text(encoding='utf-8'))['pid']
    except (OSError, ValueError):
        return {}
    found = {}
    for path in Path('/proc').glob('[0-9]*/stat'):
        try:
            words = path.read_text(encoding='utf-8').rpartition(')')[2].split()
        except OSError:
            continue
        if int(words[2]) == group:
            found[int(path.parent.name)] = (int(words[11]) + int(words[12])) / os.sysconf('SC_CLK_TCK')
    return found


def _text(browser: Any, selector: str) -> str:
    from selenium.common.exceptions import StaleElementReferenceException

    try:
        return ' '.join(element.text for element in browser.find_elements('css selector', selector))
    except StaleElementReferenceException:
        return ''


def _find(browser: Any, selector: str) -> Any:
    return _until(lambda: browser.find_elements('css selector', selector))[0]


def _choose(browser: Any, label: str, value: str) -> None:
    """Choose in a list, which the page may draw anew meanwhile."""
    from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
    from selenium.webdriver.support.ui import Select

    def chosen() -> bool:
        try:
            Select(_find(browser, f'select[aria-label={label}]')).select_by_value(value)
        except (NoSuchElementException, StaleElementReferenceException):
            return False
        return True

    _until(chosen)


def _until(test: Any, seconds: float = 300) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = test()
        if found:
            return found
        time.sleep(0.2)
    raise SystemExit(f'not within {seconds:.0f} s')


def _timed(what: str, work: Any) -> Any:
    began = time.monotonic()
    found = work()
    print(f'{what}: {(time.monotonic() - began) / 60:.1f} min', flush=True)
    return found


if __name__ == '__main__':
    sys.exit(main())
