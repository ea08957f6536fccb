"""The benchmarks on tracking objects run: a few steps, small images."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

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
    assert (
        names['passed_bounds'](
            {**row, 'groups': 1, 'anchors': 1, 'positions': 1, 'objects': 1, 'sensory': 1, 'working': 11}
        )
        != []
    )


@pytest.mark.parametrize(
    'name', ['objects_together', 'box_losses', 'memory_readout', 'pixel_matching', 'label_smoothing']
)
def test_a_speed_benchmark_runs_and_is_equal(name, monkeypatch, capsys):
    assert script(f'speed/{name}.py', monkeypatch)['main'](['--quick']) == 0
    assert len(capsys.readouterr().out.splitlines()) >= 2


SMALL = ['--iterations', '2', '--seeds', '0', '--videos', '1', '--frames', '3', '--options',
         'train_dataloader.dataset.length=3', 'train_dataloader.dataset.frames=4', 'train_dataloader.num_workers=0',
         'train_dataloader.persistent_workers=False', 'train_dataloader.batch_size=1']  # fmt: skip


def test_learning_from_boxes_prints_its_rows_its_curve_and_what_does_not_hold(monkeypatch, tmp_path, capsys):
    main = script('learning/boxes.py', monkeypatch)['main']
    plain = ['model.key_backbone.weights=None', 'model.value_backbone.weights=None']
    words = ['--out', str(tmp_path), '--clips', '4', '--runs', 'masks', 'P+W+T', 'thesis', *SMALL, *plain]
    assert main(words) == 1
    results = json.loads((tmp_path / 'results.json').read_text())
    assert set(results) == {'first mask, left', 'filled first box, left', 'masks', 'P+W+T', 'thesis'}
    names = {'j', 'f', 'jf', 'box_j', 'box_jf', 'own', 'other', 'area', 'contrast'}
    assert all(set(results[run][0]) == names for run in ('masks', 'P+W+T', 'thesis'))
    text = capsys.readouterr().out
    assert 'DOES NOT HOLD: masks, J more than the first mask left' in text
    assert text.split('thesis, seed 0\n')[1].splitlines()[0].split() == [
        'iteration',
        'projection',
        'pairwise',
        'temporal',
    ]
    # What is finished is not trained again.
    before = (tmp_path / 'thesis_2_0/iter_2.pth').stat().st_mtime_ns
    assert main(words) == 1
    assert (tmp_path / 'thesis_2_0/iter_2.pth').stat().st_mtime_ns == before
    assert json.loads((tmp_path / 'results.json').read_text()) == results


def test_losses_of_known_answers_prefer_the_true_masks(monkeypatch, capsys):
    terms = script('learning/boxes.py', monkeypatch)['print_terms'](8)
    for recipe in ('thesis', 'stable'):
        sums = {
            answer: sum(terms[f'{recipe}: {answer}'].values()) for answer in ('true masks', 'filled boxes', 'nothing')
        }
        assert sums['true masks'] < sums['filled boxes'] < sums['nothing']
        # An empty map costs the whole of both projections, and agrees with itself.
        nothing = terms[f'{recipe}: nothing']
        assert nothing['projection'] == pytest.approx(2, abs=0.01)
        assert max(nothing['pairwise'], nothing['temporal']) < 0.01
    # Two neighbours of one half disagree with probability one half; temporal is a mean over matches.
    assert terms['thesis: one half']['temporal'] == pytest.approx(np.log(2), rel=1e-4)
    assert len(capsys.readouterr().out.splitlines()) == 2 + 10


def test_the_extent_of_a_constant_answer_is_known(monkeypatch):
    names = script('learning/tracking.py', monkeypatch)
    (video,) = names['synthetic_videos'](1, 3, 64)

    class Constant:
        """Half of the probability to the background, the rest to the objects alike."""

        probability = torch.cat([torch.full((1, 64, 64), 0.5), torch.full((2, 64, 64), 0.25)])
        object_ids, labels = (1, 2), np.ones((64, 64), np.uint8)

    extent = names['extent']
    monkeypatch.setitem(extent.__globals__, 'Propagator', lambda model: None)
    monkeypatch.setitem(extent.__globals__, 'propagate', lambda *given: [Constant()] * 3)
    shares = [[64 * 64 / (labels == 1).sum(), 0] for labels in video.labels[1:]]
    assert extent(None, [video]) == pytest.approx(dict(area=np.mean(shares), contrast=0))


def test_the_geometries_of_npmca_begin_alike_and_differ_in_their_crops(monkeypatch, tmp_path, capsys):
    names = script('learning/npmca_geometry.py', monkeypatch)
    lean = ['model.backbone.weights=None', 'train_dataloader.num_workers=0', 'train_dataloader.batch_size=1',
            'train_dataloader.persistent_workers=False']  # fmt: skip
    words = ['--out', str(tmp_path), '--iterations', '1', '2', '--seeds', '0', '--videos', '1', '--frames', '2']
    assert names['main']([*words, '--options', *lean]) == 1
    results = json.loads((tmp_path / 'results.json').read_text())
    of_both = {f'{name}{part}' for name in ('right', 'stretched') for part in ('', ', previous mask blanked')}
    assert set(results) == {'first mask, left', *of_both}
    loaded = [
        json.loads((tmp_path / f'{name}_{part}_0/config.json').read_text())['config']['load_from']
        for part in ('stage1_1', 'stage2_1_2')
        for name in ('right', 'stretched')
    ]
    assert loaded[0] == loaded[1] == str(tmp_path / 'start_0.pth')
    assert loaded[2:] == [str(tmp_path / f'{name}_stage1_1_0/iter_1.pth') for name in ('right', 'stretched')]
    kept, stretched = (names['stretching'](names['ASPECTS'][name]) for name in ('right', 'stretched'))
    assert np.abs(kept - 1).max() < 0.03
    assert 1.3 < np.median(stretched) < 1.6
    assert 'right: crops of stage 2 are 1.00 times as wide' in capsys.readouterr().out


@pytest.mark.parametrize(('geometry', 'scale'), [('right', 1.0), ('stretched', 112 / 64 * 120 / 160)])
def test_stage_1_of_a_geometry_stretches_what_it_pastes_or_not(geometry, scale, monkeypatch):
    """The form of a square drawn in the middle of lying images, in a clip without motion."""
    from salseg.engine.config import load_config
    from salseg.registry import DATASETS

    names = script('learning/npmca_geometry.py', monkeypatch)
    options = names['options_of'](1, geometry, 0, 1)
    data = load_config(str(names['STAGES'][0]), options).train_dataloader.dataset.to_dict()
    data['motion'] = dict(rotation=0, shear=0, scale=(1, 1), translation=0)
    built = DATASETS.build(data)
    lying = built.foregrounds.datasets[0]
    square = np.zeros((120, 160), np.uint8)
    square[40:80, 60:100] = 1
    image = np.repeat(square[..., None] * 255, 3, -1)
    described = {**lying.describe(0), 'frames': [image], 'label_images': [square]}
    monkeypatch.setattr(lying, 'describe', lambda index: described)
    rows, columns = np.nonzero(built.begin(0, 0)['label_images'][0])
    assert np.ptp(columns) / np.ptp(rows) == pytest.approx(scale, rel=0.06)


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
