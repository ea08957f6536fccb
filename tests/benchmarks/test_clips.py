"""Each script about clips for a few steps: it runs to its verdicts, whatever they are."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from salseg.apis.converting import CONVERTERS
from salseg.datasets.synthetic import draw_image, write_dataset
from tests.datasets.video_folders import write_video
from tests.needs import needs_project
from tests.scripts import load_script

needs_project('rcrnet')
needs_project('contrastive_vsod')

FOLDER = Path(__file__).resolve().parents[2] / 'benchmarks'
IMAGE = ['--image-iterations', '1', '--size', '32']


@pytest.fixture()
def run(monkeypatch, capsys):
    """Run a script as its own program; its status and what it printed."""

    def started(name, *words):
        path = FOLDER / name
        monkeypatch.syspath_prepend(str(path.parent))
        monkeypatch.setattr(sys, 'argv', [str(path), *map(str, words)])
        module = load(path)
        return module.main(), capsys.readouterr().out

    return started


def load(path):
    return load_script(path)


def test_pseudo_labels(run, tmp_path):
    few = ['--train-videos', 2, '--frames', 9, '--intervals', 4, '--between', 1, '--test-videos', 1, '--motions', 2]
    steps = ['--generator-iterations', 1, '--iterations', 1, '--image-model', tmp_path / 'image', *IMAGE]
    status, text = run('learning/pseudo_labels.py', '--out', tmp_path, '--seeds', 0, *few, *steps)
    assert status in (0, 1)
    assert 'every 4th, warp, nearer' in text
    assert 'kept + generated' in text
    (result,) = json.loads((tmp_path / 'results.json').read_text())
    assert all(0 <= value <= 1 for value in result['quality']['4'].values())
    # Trained and labelled once: a second start only metrics.
    before = (tmp_path / 'seed0/generator4/iter_1.pth').stat().st_mtime_ns
    assert run('learning/pseudo_labels.py', '--out', tmp_path, '--seeds', 0, *few, *steps)[0] == status
    assert (tmp_path / 'seed0/generator4/iter_1.pth').stat().st_mtime_ns == before


def test_labels_along_flow(run, tmp_path, monkeypatch):
    write_video(tmp_path / 'data/set', 'a', frames=13, size=(48, 64))
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    words = ['--gaps', 4, 8, '--pairs', 2, '--estimators', 'dis', 'raft', '--step', 2, '--out', tmp_path]
    status, text = run('learning/flow_labels.py', tmp_path / 'data', *words)
    assert status == 0
    assert '| raft | not here: `salseg weights get raft_small@torchvision` |' in text
    found = json.loads((tmp_path / 'results.json').read_text())
    # A square of 8 pixels moves one a frame: half or all of it is new.
    assert found['copying, 4']['a'] == pytest.approx([1 / 3, 1 / 3])
    assert found['copying, 8']['a'] == [0, 0]
    assert min(found['dis, chained by 2, 8']['a'] + found['dis, direct, 4']['a']) > 0.8
    assert max(found['dis, direct: fails, 4']['a']) < 0.3


def test_pseudo_labels_of_faster_motion_are_refused(run, tmp_path):
    with pytest.raises(SystemExit):
        run('learning/pseudo_labels.py', '--out', tmp_path, '--max-step', 9)


def test_hidden_frames(run, tmp_path):
    few = ['--train-videos', 2, '--frames', 4, '--test-videos', 2, '--iterations', 1]
    status, text = run(
        'learning/hidden_frames.py', '--out', tmp_path, '--seeds', 0, '--image-model', tmp_path / 'image', *few, *IMAGE
    )
    assert status in (0, 1)
    assert 'foreign companions' in text
    (result,) = json.loads((tmp_path / 'results.json').read_text())
    assert all(0 <= value <= 1 for value in result.values())


def test_contrast(run, tmp_path):
    few = ['--train-videos', 2, '--frames', 8, '--test-videos', 2, '--iterations', 2, '--size', 64]
    status, text = run('learning/contrast.py', '--out', tmp_path, '--seeds', 0, *few)
    assert status in (0, 1)
    assert 'AUC of region vectors' in text
    found = json.loads((tmp_path / 'results.json').read_text())
    assert set(found) == {'off', 'random mining', 'hard mining'}


def test_pairs_in_the_right_order_are_counted(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER / 'learning'))
    auc = load(FOLDER / 'learning/contrast.py').auc
    assert auc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1
    assert auc(np.array([0.0, 2.0]), np.array([1.0])) == 0.5
    assert auc(np.array([1.0]), np.array([1.0, 0.0])) == 0.75


def test_real_clips(run, tmp_path):
    options = dict(leaving=False, objects=1)
    write_dataset('davis', tmp_path / 'videos', splits=dict(train=1, val=1), size=48, length=5, options=options)
    lists = tmp_path / 'videos/ImageSets'
    (lists / '2017').rename(lists / '2016')
    CONVERTERS['DAVIS-2016'].convert(tmp_path / 'videos', tmp_path / 'data')
    images = tmp_path / 'images'
    write_dataset('sod', images, splits=dict(train=2, test=1), size=48)
    data = ['--data', tmp_path / 'data', '--images', images, '--out', tmp_path / 'out']
    status, text = run('learning/real_clips.py', *data, '--seeds', 0, '--iterations', 1, *IMAGE)
    assert status in (0, 1)
    assert 'centre prior' in text
    assert '1 test videos, 5 frames' in text
    assert (tmp_path / 'out/seed0/maps_video/val-000/overlay.mp4').stat().st_size > 0
    assert cv2.imread(str(tmp_path / 'out/video_model.png')) is not None


def test_clip_streaming(run):
    status, text = run('speed/clip_streaming.py', '--frames', 24, '--start', 8, '--size', 32)
    assert status in (0, 1)
    assert 'from frame 8' in text


def test_temporal_attention(run):
    status, text = run('speed/temporal_attention.py', '--quick')
    assert status == 0
    assert 'RCRNet+NER' in text


def test_co_attention(run):
    assert run('speed/co_attention.py', '--quick')[0] == 0


def test_metrics_of_a_perfect_map(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER / 'learning'))
    runs = load(FOLDER / 'learning/clip_runs.py')
    truth = draw_image(0, 'test', 0, 32).mask > 0
    found = runs.metrics([truth.astype(np.uint8) * 255], [truth])
    assert (found['iou'], found['mae'], found['max_f']) == (1, 0, 1)
    assert runs.iou(np.zeros((2, 2), np.uint8), np.zeros((2, 2), bool)) == 1
