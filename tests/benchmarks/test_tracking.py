"""The benchmarks on tracking objects run: a few steps, small images."""

import json
import runpy
from pathlib import Path

import pytest

from tests.needs import needs_project

needs_project('npmca_net')
needs_project('xmem')

ROOT = Path(__file__).resolve().parents[2] / 'benchmarks'


def script(name, monkeypatch):
    """A benchmark's names, with its folder on the path as when it is called."""
    path = ROOT / name
    monkeypatch.syspath_prepend(str(path.parent))
    return runpy.run_path(str(path), run_name='benchmark')


def test_tracking_stays_within_its_bounds_while_objects_come_and_go(monkeypatch, capsys):
    assert script('speed/bounded_tracking.py', monkeypatch)['main'](['--frames', '110', '--size', '48', '64']) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if ' - ' in line]
    assert len(rows) == 2
    # Nine frames and one more for each of three groups of objects, of 3 x 4 positions.
    assert 0 < int(rows[0].split()[4]) <= (10 - 1 + 3) * 12


def test_what_grows_is_reported(monkeypatch):
    names = script('speed/bounded_tracking.py', monkeypatch)
    row = dict(working=5, long_term=names['LONG_TERM'], state=1.0, rss=100.0, ms=10.0)
    steady = [row] * 20
    assert names['growth'](steady) == []
    assert names['growth']([*steady, {**row, 'state': 12.0}]) == ['state grows by 11.0 MB']
    assert names['growth']([*steady, {**row, 'ms': 20.0}]) == ['a frame takes 2.00 times as long at the end']
    assert names['growth']([{**row, 'working': 4}] * 5 + [row] * 15) == ['working is not full by frame 500']
    assert names['passed_bounds']({**row, 'groups': 1, 'positions': 1, 'objects': 1, 'sensory': 1, 'working': 11}) != []


@pytest.mark.parametrize(
    'name', ['objects_together', 'box_losses', 'memory_readout', 'pixel_matching', 'label_smoothing']
)
def test_a_speed_benchmark_runs_and_is_equal(name, monkeypatch, capsys):
    assert script(f'speed/{name}.py', monkeypatch)['main'](['--quick']) == 0
    assert len(capsys.readouterr().out.splitlines()) >= 2


SMALL = ['--iterations', '2', '--seeds', '0', '--videos', '1', '--frames', '3', '--options',
         'train_dataloader.dataset.length=3', 'train_dataloader.dataset.frames=4', 'train_dataloader.num_workers=0',
         'train_dataloader.persistent_workers=False', 'train_dataloader.batch_size=1']  # fmt: skip


def test_learning_from_boxes_prints_its_rows_and_what_does_not_hold(monkeypatch, tmp_path, capsys):
    main = script('learning/boxes.py', monkeypatch)['main']
    plain = ['model.key_backbone.weights=None', 'model.value_backbone.weights=None']
    assert main(['--out', str(tmp_path), '--runs', 'masks', 'P+W+T', *SMALL, *plain]) == 1
    results = json.loads((tmp_path / 'results.json').read_text())
    assert set(results) == {'first mask, left', 'filled first box, left', 'masks', 'P+W+T'}
    assert set(results['masks'][0]) == {'j', 'f', 'jf', 'box_j', 'box_jf', 'own', 'other'}
    assert 'DOES NOT HOLD: masks, J more than the first mask left' in capsys.readouterr().out


def test_learning_npmca_blanks_and_shuffles_on_the_same_weights(monkeypatch, tmp_path, capsys):
    main = script('learning/npmca.py', monkeypatch)['main']
    assert main(['--out', str(tmp_path), *SMALL, 'model.backbone.weights=None']) == 1
    results = json.loads((tmp_path / 'results.json').read_text())
    assert set(results) == {'first mask, left', 'trained', 'previous mask blanked', 'matching shuffled'}
    assert 'DOES NOT HOLD: J' in capsys.readouterr().out


def test_scores_of_trivial_answers_are_known(monkeypatch):
    names = script('learning/tracking.py', monkeypatch)
    videos = names['synthetic_videos'](2, 4, 64)
    exact = names['score'](lambda video, prompt: video.labels, videos)
    assert exact == dict(j=1.0, f=1.0, jf=1.0)
    still = names['score'](names['stand_still'], videos)
    assert 0.2 < still['j'] < 1
    assert names['score'](names['stand_still'], videos, box=True)['j'] < still['j']


def test_learning_from_real_videos_reads_their_tree(monkeypatch, tmp_path, capsys):
    from salseg.apis.converting import CONVERTERS
    from salseg.datasets.synthetic import write_dataset

    data = tmp_path / 'davis'
    write_dataset('davis', tmp_path / 'source', splits=dict(train=1, val=1), size=64, length=4)
    CONVERTERS['DAVIS-2017'].convert(tmp_path / 'source', data)
    main = script('learning/real_tracking.py', monkeypatch)['main']
    small = [
        'train_dataloader.dataset.datasets.1.length=2', 'train_dataloader.dataset.datasets.1.frames=4',
        'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False', 'train_dataloader.batch_size=1',
        'model.key_backbone.weights=None', 'model.value_backbone.weights=None',
    ]  # fmt: skip
    words = [str(data), '--out', str(tmp_path / 'out'), '--iterations', '1', '--runs', 'P+W+T', '--frames', '3']
    main([*words, '--options', *small])
    results = json.loads((tmp_path / 'out/results.json').read_text())
    assert set(results) == {'first mask, left', 'nearest features', 'P+W+T'}
    assert results['nearest features'][0]['j'] > 0.2


def test_learning_saliency_from_boxes_stands_beside_the_filled_box(monkeypatch, tmp_path, capsys):
    main = script('learning/box_saliency.py', monkeypatch)['main']
    small = ['train_dataloader.dataset.length=2', 'train_dataloader.num_workers=0', 'train_dataloader.batch_size=1',
             'train_dataloader.persistent_workers=False', 'model.backbone.weights=None']  # fmt: skip
    words = [
        '--out',
        str(tmp_path),
        '--iterations',
        '2',
        '--seeds',
        '0',
        '--runs',
        'scwssod, boxes',
        '--test-images',
        '2',
    ]
    assert main([*words, '--options', *small]) == 1
    results = json.loads((tmp_path / 'results.json').read_text())
    assert set(results) == {'centre prior', 'filled true box', 'scwssod, boxes'}
    assert 0.3 < results['filled true box'][0]['iou'] < 1
    assert 'DOES NOT HOLD: scwssod from boxes' in capsys.readouterr().out
