"""Weights chosen on a validation set: the best ones are kept, whatever happens, and a later stage starts from them."""

import json

import pytest

from salseg.engine.checkpoint import chosen_checkpoint, newest_checkpoint
from salseg.engine.config import load_config
from salseg.engine.runner import SalRunner
from salseg.engine.train import train
from tests.needs import needs_project

SET = 'synthetic-chosen'
SELECTING = [
    f'default_hooks.checkpoint.save_best={SET}/s_measure',
    'default_hooks.checkpoint.rule=greater',
    f'val_dataloader.dataset.name={SET}',
    'train_cfg.val_interval=1',
    'train_cfg.val_begin=1',
]


def validated(folder):
    """S by step, as logged."""
    lines = [
        json.loads(line) for file in folder.glob('*/vis_data/scalars.json') for line in file.read_text().splitlines()
    ]
    return {line['step']: line[f'{SET}/s_measure'] for line in lines if f'{SET}/s_measure' in line}


def test_the_best_weights_on_the_validation_set_are_kept_and_are_what_a_stage_starts_from(tiny_config, tmp_path):
    train(str(tiny_config), SELECTING, str(tmp_path))
    scores = validated(tmp_path)
    assert len(scores) == 4
    best = max(scores, key=scores.get)
    (kept,) = tmp_path.glob('best_*.pth')
    assert kept.name == f'best_{SET}_s_measure_iter_{best}.pth'
    assert chosen_checkpoint(tmp_path) == str(kept)
    assert newest_checkpoint(tmp_path) == str(tmp_path / 'iter_4.pth')


def test_a_better_checkpoint_that_cannot_be_written_leaves_the_best_so_far(tiny_config, tmp_path, monkeypatch):
    real, rising, calls = SalRunner.save_checkpoint, iter((0.1, 0.2, 0.3, 0.4)), []

    def failing(self, out_dir, filename, *args, **others):
        calls.append(filename)
        if filename == f'best_{SET}_s_measure_iter_3.pth':
            raise KeyboardInterrupt
        real(self, out_dir, filename, *args, **others)

    monkeypatch.setattr(SalRunner, 'save_checkpoint', failing)
    metric = 'salseg.evaluation.metrics.saliency_metric.SaliencyMetric.summarise'
    monkeypatch.setattr(metric, lambda *_: {f'{SET}/s_measure': next(rising)})
    with pytest.raises(KeyboardInterrupt):
        train(str(tiny_config), SELECTING, str(tmp_path))
    assert [path.name for path in tmp_path.glob('best_*')] == [f'best_{SET}_s_measure_iter_2.pth']


def test_validation_may_be_told_in_epochs(tiny_config, tmp_path):
    options = [*SELECTING, 'train_cfg.val_epochs=0.7', 'train_cfg.max_iters=6']
    # Six images in batches of two: 0.7 of a pass are 2.1 steps, so 3.
    train(str(tiny_config), options, str(tmp_path))
    assert list(validated(tmp_path)) == [3, 6]


def test_rcrnet_is_selected_by_s_on_vos_val_after_each_epoch_as_released():
    needs_project('rcrnet')
    config = load_config('rcrnet-ner')
    assert config.train_cfg.val_epochs == 1
    assert config.default_hooks.checkpoint.save_best == 'VOS-val/s_measure'
    assert config.val_dataloader.dataset.list_file.endswith('splits/vos_val.txt')
    assert load_config('rcrnet-ner-lite').default_hooks.checkpoint.get('save_best') is None
