"""`salseg train --resume` continues its own run only."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from salseg.cli.main import main
from salseg.engine.checkpoint import load_file
from salseg.errors import DataError
from salseg.io.files import owning

FEW = ['train_cfg.max_iters=2', 'val_dataloader=None', 'val_evaluator=None', 'val_cfg=None']


def train(config, folder, capsys, *options, words=()):
    status = main(['train', str(config), '--work-dir', str(folder), *words, '--cfg-options', *FEW, *options])
    return status, capsys.readouterr().err


@pytest.fixture
def pairs(tmp_path):
    """Options of a data set of files."""
    rng = np.random.default_rng(0)
    for name in 'abc':
        for kind, image in (('image', rng.integers(0, 255, (40, 40, 3))), ('mask', np.full((40, 40), 255))):
            (tmp_path / 'data' / kind).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / 'data' / kind / f'{name}.png'), image.astype(np.uint8))
    pipeline = '[dict(type="LoadFrames"),dict(type="LoadLabels"),dict(type="Resize",size=32),dict(type="PackFrames")]'
    config = tmp_path / 'files.py'
    config.write_text(
        "_base_ = ['./tiny.py']\n"
        f"train_dataloader = dict(dataset=dict(_delete_=True, type='SaliencyDataset', data_root={str(tmp_path / 'data')!r}, "
        f'pipeline={pipeline}))\n'
    )
    return config


def touch(path):
    os.utime(path, ns=(1, 1))


CHANGES = {
    'seed': (['randomness.seed=5'], None, 'randomness.seed: 0 there, 5 now'),
    'rate': (['optim_wrapper.optimizer.lr=0.5'], None, 'learning rate'),
    'momentum': (['optim_wrapper.optimizer.momentum=0.5'], None, 'optim_wrapper.optimizer.momentum: 0.9 there, 0.5 now'),
    'batch': (['train_dataloader.batch_size=1'], None, 'train_dataloader.batch_size: 2 there, 1 now'),
    'loss': (['model.losses.pce.weight=2.0'], None, 'model.losses.pce.weight: None there, 2.0 now'),
    'a file is removed': ([], lambda data: ((data / 'image/c.png').unlink(), (data / 'mask/c.png').unlink()), '2 items'),
    'a label is replaced': ([], lambda data: touch(data / 'mask/b.png'), 'data (names, sizes, times)'),
}  # fmt: skip


@pytest.mark.parametrize(('options', 'change', 'said'), CHANGES.values(), ids=CHANGES)
def test_a_checkpoint_of_another_run_is_refused(tiny_config, pairs, tmp_path, capsys, options, change, said):
    assert train(pairs, tmp_path / 'run', capsys)[0] == 0
    before = (tmp_path / 'run/iter_2.pth').read_bytes()
    if change:
        change(tmp_path / 'data')
    status, error = train(pairs, tmp_path / 'run', capsys, *options, words=['--resume'])
    assert status == 2
    assert said in error
    assert (tmp_path / 'run/iter_2.pth').read_bytes() == before


def test_changes_can_be_allowed_and_places_and_lengths_may_differ(tiny_config, pairs, tmp_path, capsys):
    assert train(pairs, tmp_path / 'run', capsys)[0] == 0
    (tmp_path / 'data').rename(tmp_path / 'moved')
    moved = [f'train_dataloader.dataset.data_root={tmp_path / "moved"}', 'train_cfg.max_iters=3']
    assert train(pairs, tmp_path / 'run', capsys, *moved, words=['--resume'])[0] == 0
    touch(tmp_path / 'moved/mask/a.png')
    moved[1] = 'train_cfg.max_iters=4'
    assert train(pairs, tmp_path / 'run', capsys, *moved, words=['--resume'])[0] == 2
    assert train(pairs, tmp_path / 'run', capsys, *moved, words=['--resume', '--allow-changes'])[0] == 0
    assert load_file(tmp_path / 'run/iter_4.pth')['meta']['run']['data'].startswith('3 items, 6 files')


def test_other_start_weights_are_refused(tiny_config, tmp_path, capsys):
    for name, seed in (('first', 1), ('second', 2)):
        assert train(tiny_config, tmp_path / name, capsys, f'randomness.seed={seed}')[0] == 0
    start = 'load_from={}'.format
    assert train(tiny_config, tmp_path / 'run', capsys, start(tmp_path / 'first'))[0] == 0
    status, error = train(tiny_config, tmp_path / 'run', capsys, start(tmp_path / 'second'), words=['--resume'])
    assert status == 2
    assert 'start weights' in error
    assert train(tiny_config, tmp_path / 'run', capsys, start(tmp_path / 'first'), words=['--resume'])[0] == 0


def test_a_folder_has_one_training(tiny_config, tmp_path, capsys, monkeypatch):
    import threading

    said = []

    def other():
        try:
            with owning(tmp_path / 'run'):
                pass
        except DataError as error:
            said.append(str(error))

    from salseg.models import BaseSegmentor

    step = BaseSegmentor.train_step

    def looking(self, *args, **named):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        return step(self, *args, **named)

    monkeypatch.setattr(BaseSegmentor, 'train_step', looking)
    assert train(tiny_config, tmp_path / 'run', capsys)[0] == 0
    assert len(said) == 2
    assert 'another process writes into' in said[0]
    with owning(tmp_path / 'run'):
        assert not [path for path in Path(tmp_path / 'run').iterdir() if 'lock' in path.name]
