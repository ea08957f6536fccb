import re
import shutil
import subprocess
from html.parser import HTMLParser
from urllib.parse import unquote

import cv2
import numpy as np
import pytest

from salseg.cli import main
from salseg.evaluation.evaluate import Settings
from salseg.visualization.report import evaluate_and_report, plots
from salseg.visualization.report.cases import FALSE_ALARM, HIT, MISS, errors, image_tree
from tests.evaluation.trees import label_tree, map_tree, save_grey


class Links(HTMLParser):
    """All that a page refers to."""

    def __init__(self):
        super().__init__()
        self.found, self.open, self.tags = [], [], set()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.found += [value for name, value in attributes if name in ('href', 'src', 'srcset', 'data', 'action')]
        if tag not in ('meta', 'link', 'img', 'br'):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def map_report(tmp_path):
    tmp_path = tmp_path / 'maps'
    predictions, truth = map_tree(tmp_path, ['a b/1', 'a b/2', 'c&d/<3>'])
    save_grey(tmp_path / 'worse/a b/1.png', np.zeros((20, 26)))
    settings = Settings(allow_missing=True)
    out = tmp_path / 'out'
    evaluate_and_report({'good': predictions, 'worse': tmp_path / 'worse'}, truth, 'cosod', out, settings, worst=2)
    return out


@pytest.fixture
def video_report(tmp_path):
    tmp_path = tmp_path / 'masks'
    predictions, truth = label_tree(tmp_path, {'v': 5, 'w': 5})
    evaluate_and_report({'m': predictions}, truth, 'davis17-semi', tmp_path / 'out')
    return tmp_path / 'out'


@pytest.mark.parametrize('kind', ['map_report', 'video_report'])
def test_the_page_needs_nothing_from_outside_and_every_link_leads_to_a_file(kind, request):
    out = request.getfixturevalue(kind)
    text = (out / 'index.html').read_text(encoding='utf-8')
    page = Links()
    page.feed(text)
    assert page.open == []
    assert 'script' not in page.tags
    assert not re.search(r'(https?:|//|@import|url\()', re.sub(r'data:image/[a-z]+;base64,[^"]*', '', text))
    inside = [link for link in page.found if link.startswith('data:')]
    files = [link for link in page.found if not link.startswith('data:')]
    assert inside
    assert files
    for link in files:
        assert (out / unquote(link)).is_file(), link


def test_the_page_opens_with_the_worst_cases(map_report):
    text = (map_report / 'index.html').read_text(encoding='utf-8')
    assert 0 < text.index('Worst cases by S') < text.index('<table>') < text.index('Curves')
    assert 'c&amp;d/&lt;3&gt;' in text
    assert '2 MISSING predictions scored as empty' in text


def test_all_files_of_a_report_are_there_and_nothing_half_written(map_report, video_report):
    names = {str(p.relative_to(map_report)) for p in map_report.rglob('*') if p.is_file()}
    expected = {
        'index.html', 'metrics.json', 'table.txt', 'table.tex', 'images.csv', 'groups.csv', 'curves/roc.png',
        'curves/precision_recall.png', 'curves/f_threshold.png', 'curves/e_threshold.png',
    }  # fmt: skip
    assert expected <= names
    assert {'objects.csv', 'videos.csv', 'videos/v.png'} <= {
        str(p.relative_to(video_report)) for p in video_report.rglob('*')
    }
    assert not [p for p in map_report.rglob('*.tmp')]


def test_hits_false_alarms_and_misses_have_their_colours():
    truth = np.uint8([[255, 255, 0, 0]])
    image = errors(None, np.uint8([[255, 0, 255, 0]]), truth).astype(int)
    for column, colour in enumerate((HIT, MISS, FALSE_ALARM)):
        distance = [np.abs(image[0, column] - c).sum() for c in (HIT, MISS, FALSE_ALARM)]
        assert np.argmin(distance) == column, colour
    assert len(set(image[0, 3])) == 1


def test_an_image_behind_the_overlay_is_shown(tmp_path):
    predictions, truth = map_tree(tmp_path, ['1'])
    image = np.zeros((20, 26, 3), np.uint8)
    image[..., 2] = 250
    (tmp_path / 'images').mkdir()
    cv2.imwrite(str(tmp_path / 'images/1.png'), image)
    evaluate_and_report({'m': predictions}, truth, 'sod', tmp_path / 'out', images=tmp_path / 'images')
    (strip,) = (tmp_path / 'out/worst').iterdir()
    shown = cv2.imread(str(strip))
    assert (shown[100, 150] == (0, 0, 250)).all()
    assert shown.shape[1] == 4 * 306 - 6


def test_behind_the_overlay_is_the_photograph_and_not_the_mask_beside_it(tmp_path):
    for name in ('1.jpg', '1.png', '2.png'):
        cv2.imwrite(str(tmp_path / name), np.zeros((4, 4), np.uint8))
    assert dict(image_tree(tmp_path).files) == {'1': '1.jpg', '2': '2.png'}
    assert image_tree(None) is None


def test_chromium_shows_the_page(video_report, tmp_path):
    browser = next((b for b in ('chromium', 'chromium-browser', 'google-chrome') if shutil.which(b)), None)
    if browser is None:
        pytest.skip('no Chromium is installed')
    image = tmp_path / 'page.png'
    command = [browser, '--headless', '--no-sandbox', '--disable-gpu', '--enable-logging=stderr',
               f'--screenshot={image}', str(video_report / 'index.html')]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert 'CONSOLE' not in done.stderr
    assert image.stat().st_size > 5000


def test_j_over_time_is_drawn_for_every_video_of_masks_and_refused_for_maps(tmp_path, capsys):
    predictions, truth = label_tree(tmp_path, {'v': 5, 'deep/w': 5})
    words = ['evaluate', str(predictions), str(truth), '--plots', str(tmp_path / 'plots'), '--processes', '1']
    assert main([*words, '--protocol', 'davis17-semi']) == 0
    drawn = sorted(str(path.relative_to(tmp_path / 'plots')) for path in (tmp_path / 'plots').rglob('*.png'))
    assert drawn == ['deep/w.png', 'v.png']
    assert cv2.imread(str(tmp_path / 'plots/v.png')).std() > 5
    assert main([*words, '--protocol', 'sod']) == 2
    assert 'J over time needs masks, and sod scores maps. Choose one of davis16' in capsys.readouterr().err


def test_the_lines_of_a_plot_are_the_j_of_each_object(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(plots, 'save_figure', lambda figure, path: lines.extend(figure.axes[0].get_lines()))
    values = np.array([[1.0, 0.5, np.nan], [0.0, 0.25, 0.5]])
    plots.draw_region_series({'m': values}, ['J of 1', 'J of 2'], tmp_path / 'x.png', 'v')
    np.testing.assert_array_equal([line.get_ydata() for line in lines], values)
    assert [line.get_label() for line in lines] == ['J of 1: 0.750', 'J of 2: 0.250']
