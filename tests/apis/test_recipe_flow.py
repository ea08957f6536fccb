"""Flow made before a training: the pairs are those that the training reads, whatever chooses them."""

import numpy as np
import pytest
import torch

from salseg.apis import optical_flow
from salseg.apis.optical_flow import PATTERN, precompute_recipe_flow
from salseg.cli.main import main
from salseg.datasets.flow import DISFlow, FlowEstimator, FlowFiles, FramePair
from salseg.engine.config import load_config
from salseg.engine.flow_pairs import read_pairs
from salseg.errors import ConfigError
from salseg.io.images import read_image
from salseg.io.record import read_record
from salseg.registry import DATASETS
from tests.datasets.video_folders import write_video
from tests.needs import needs_project

needs_project('rcrnet')

SIZE = (48, 64)
RELEASED = 'projects/rcrnet/configs/fgplg_r50_released_vos-l5-448.py'
PARTS = ('train_dataloader.dataset.datasets.0', 'pseudo_label_datasets.0')


class Noting(FlowEstimator):
    """No flow; notes of which pairs it was asked."""

    asked = None

    def settings(self):
        return dict(type='Noting')

    def estimate(self, pair):
        self.asked.add((pair.dataset, pair.set_id, pair.first_id, pair.second_id))
        return np.zeros((*pair.first.shape[:2], 2), np.float32)


@pytest.fixture
def vos(tmp_path):
    """Labels 15 frames apart as in VOS, of which the recipe keeps every fifth: triplets 75 frames apart."""
    for name, frames in (('a', 16), ('b', 12)):
        write_video(tmp_path / 'VOS', name, frames, every=1, size=SIZE)
    # The 15 frames between two labels are one here, or the miniature would have hundreds of frames.
    return tmp_path / 'VOS'


def options(root):
    found = {}
    for part in PARTS:
        found |= {f'{part}.data_root': str(root), f'{part}.list_file': None, f'{part}.nominal_interval': 1}
    return found


def texts(root):
    return ['--cfg-options', *(f'{key}={value}' for key, value in options(root).items())]


def files(folder):
    return {str(p.relative_to(folder).with_suffix('')): p.read_bytes() for p in sorted(folder.rglob('*.flo'))}


def read_by_the_pipelines(root):
    """What the estimator is asked for in two epochs of training, where clips turn by chance, and in labelling."""
    config = load_config(RELEASED, options(root))
    noting = Noting()
    noting.asked = set()
    pairs = (
        (config.train_dataloader.dataset.to_dict(), None),
        (config.pseudo_label_datasets[0].to_dict(), config.generate_pipeline),
    )
    for node, pipeline in pairs:
        steps = [dict(step) for step in pipeline or node['pipeline']]
        for step in steps:
            if step['type'] == 'AntialiasedResize':
                step['size'] = 32
            elif step['type'] == 'ComputeFlow':
                step.update(estimator=noting, cache=None)
        dataset = DATASETS.build({**node, 'pipeline': steps})
        for epoch in (0, 1):
            for index in range(len(dataset)):
                dataset.get(epoch, index)
    return noting.asked


def test_the_released_recipe_gets_exactly_the_pairs_that_it_reads(vos, tmp_path, capsys):
    assert main(['precompute', 'flow', '--config', RELEASED, '--out', str(tmp_path / 'flow'), *texts(vos)]) == 0
    made = {tuple(name.replace('_', '/').split('/')) for name in files(tmp_path / 'flow')}
    assert made == read_by_the_pipelines(vos)
    # Between kept labels in both directions, and from the frame that is labelled to both: 5 apart, and 3 and 2.
    assert {('VOS', 'a', '00005', '00000'), ('VOS', 'a', '00005', '00010'), ('VOS', 'a', '00010', '00005')} <= made
    assert 'flow_estimator=dict' in capsys.readouterr().out


def test_a_training_reads_them_by_one_key(vos, tmp_path):
    precompute_recipe_flow(RELEASED, tmp_path / 'flow', options=options(vos))
    spec = f"flow_estimator=dict(type='FlowFiles', root='{tmp_path / 'flow'}', pattern='{PATTERN}')"
    config = load_config(RELEASED, [spec, *(f'{key}={value}' for key, value in options(vos).items())])
    dataset = DATASETS.build(config.train_dataloader.dataset.to_dict())
    flow = dataset.get(0, 0)['data_samples'].flow
    assert flow.shape == (2, 2, 448, 448)
    # A pixel a frame to the right: the target lies 5 before one neighbour and 5 behind the other, 448 / 64 times as large.
    moved = sorted(float(torch.as_tensor(flow)[side, 0, 100:-100, 100:-100].median()) for side in (0, 1))
    assert np.allclose(moved, [-35, 35], atol=2)


def test_a_stopped_run_goes_on_and_another_estimator_or_chain_is_refused(vos, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'flow'
    command = ['precompute', 'flow', '--config', RELEASED, '--out', str(out), *texts(vos)]
    plain, calls = optical_flow.write_flow, []

    def dies(path, flow):
        calls.append(path)
        if len(calls) == 9:
            raise KeyboardInterrupt
        plain(path, flow)

    monkeypatch.setattr(optical_flow, 'write_flow', dies)
    assert main(command) == 130
    first_video = len(calls)
    assert read_record(out).state == 'running'
    assert main(command) == 0
    assert (read_record(out).state, len(read_record(out).items)) == ('done', len(files(out)))
    again = len(calls)
    assert main(command) == 0
    assert first_video < again == len(calls)
    assert main([*command, '--estimator', 'farneback']) == 2
    assert "type: 'DISFlow' there, 'FarnebackFlow' now" in capsys.readouterr().err
    assert main([*command, '--chain', '1']) == 2
    assert 'chain: 0 there, 1 now' in capsys.readouterr().err


def test_a_chain_finds_the_motion_that_is_too_large_for_both_frames_alone(tmp_path):
    root = tmp_path / 'VOS'
    write_video(root, 'a', 31, every=1, size=SIZE)
    spec = {**options(root), **{f'{part}.label_interval': 15 for part in PARTS}, 'pseudo_label_datasets.0.between': 1}
    for chain in (0, 1):
        precompute_recipe_flow(RELEASED, tmp_path / str(chain), chain=chain, options=spec)
    first, second = (read_image(root / f'JPEGImages/a/000{number}.png') for number in (15, 30))
    pair = FramePair(first, second, 'VOS', 'a', '00015', '00030')
    direct, chained = (FlowFiles(str(tmp_path / part), PATTERN)(pair) for part in '01')
    np.testing.assert_array_equal(direct, DISFlow()(pair))
    inner = np.s_[12:-12, 8:-24, 0]
    off = [float(np.abs(flow[inner] - 15).mean()) for flow in (direct, chained)]
    assert off[1] < min(1.0, off[0] / 4)


def test_pairs_that_chance_chooses_and_recipes_without_flow_are_refused(vos, tmp_path):
    steps = [dict(type='SampleClip', length=3), dict(type='ComputeFlow')]
    node = dict(type='VideoSaliencyDataset', data_root=str(vos), clips='whole', pipeline=steps)
    with pytest.raises(ConfigError, match='SampleClip stands before ComputeFlow'):
        read_pairs(dict(train_dataloader=dict(dataset=node)), 'mine')
    with pytest.raises(ConfigError, match='no pipeline has ComputeFlow'):
        read_pairs(dict(train_dataloader=dict(dataset=dict(node, pipeline=[]))), 'mine')
    other = tmp_path / 'other/VOS'
    write_video(other, 'a', 6, size=SIZE)
    sets = [dict(node, data_root=str(root), clips='labelled', length=3, pipeline=steps[1:]) for root in (vos, other)]
    with pytest.raises(ConfigError, match='two data sets called VOS have a video a'):
        read_pairs(dict(train_dataloader=dict(dataset=dict(type='ConcatDataset', datasets=sets))), 'mine')


@pytest.mark.parametrize(
    ('words', 'says'),
    [
        (['flow', '--out', 'o'], 'found neither'),
        (['flow', 'DATA', '--config', 'fgplg'], 'found both'),
        (['flow', 'DATA'], '--out DIR'),
        (['flow', 'DATA', '--out', 'o', '--chain', '1'], '--chain belongs to --config'),
        (['flow', '--config', 'fgplg', '--directions', 'both'], 'which pairs it reads'),
        (['flow', 'DATA', '--out', 'o', '--estimator', 'flownet'], 'expected dis, farneback, raft, raft-large'),
        (['pseudo-labels', 'fgplg', '--out', 'o', '--estimator', 'dis'], '--estimator belongs to precompute flow'),
    ],
)
def test_commands_that_make_no_sense_are_refused(words, says, capsys):
    assert main(['precompute', *words]) == 2
    assert says in capsys.readouterr().err


def test_without_its_weights_raft_says_how_to_get_them(vos, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    command = [
        'precompute',
        'flow',
        '--config',
        RELEASED,
        '--estimator',
        'raft',
        '--out',
        str(tmp_path / 'o'),
        *texts(vos),
    ]
    assert main(command) == 2
    assert 'salseg weights get raft_small@torchvision' in capsys.readouterr().err
