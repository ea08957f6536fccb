"""Gradient accumulation, EMA weights, recomputation and bfloat16, each by config alone, on a run of four steps."""

import pytest
import torch
from mmengine.hooks import Hook

from salseg.engine.checkpoint import load_file
from salseg.engine.hooks import recomputed
from salseg.engine.train import train
from salseg.errors import ConfigError
from salseg.registry import HOOKS
from tests.tiny import write_tiny_config

OPTIONS = {
    'plain': [],
    'accumulate': ['optim_wrapper.accumulative_counts=2', 'train_dataloader.batch_size=1'],
    'average': ['default_hooks.ema.type=ResumableEMAHook', 'default_hooks.ema.momentum=0.5'],
    'recompute': [
        'default_hooks.recompute.type=ActivationCheckpointingHook',
        'default_hooks.recompute.modules=[backbone,neck]',
    ],
}
EVERY = ['default_hooks.checkpoint.interval=1', 'default_hooks.checkpoint.max_keep_ckpts=-1']


class PowerCut(Exception):
    """What ends a run in these tests."""


@HOOKS.register_module()
class PowerCutHook(Hook):
    """End the run in its third step."""

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if batch_idx == 2:
            raise PowerCut


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A run of four steps for each of the options, in a folder of its own."""
    root = tmp_path_factory.mktemp('runs')
    config = write_tiny_config(root / 'tiny.py')
    config.write_text(config.read_text() + 'val_dataloader = val_evaluator = val_cfg = None\n')
    for name, options in OPTIONS.items():
        train(str(config), [*options, *EVERY], str(root / name))
    return root


def weights(folder, step):
    return load_file(folder / f'iter_{step}.pth')['state_dict']


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def learned(state):
    return {name: value for name, value in state.items() if 'running' not in name and 'num_batches' not in name}


def test_a_training_warns_of_nothing_that_its_user_cannot_change(folder):
    (log,) = (folder / 'plain').glob('*/*.log')
    assert 'Saving checkpoint at 4' in log.read_text()
    assert not [line for line in log.read_text().splitlines() if 'WARNING' in line]


def test_accumulation_steps_once_for_every_two_batches(folder):
    states = [learned(weights(folder / 'accumulate', step)) for step in (1, 2, 3, 4)]
    assert not same(states[0], states[1])
    assert same(states[1], states[2])
    assert not same(states[2], states[3])


@pytest.mark.parametrize('name', ['accumulate', 'average'])
def test_a_run_that_was_cut_off_goes_on_to_the_same_bytes(name, folder):
    config, cut = str(folder / 'tiny.py'), str(folder / f'{name}_cut')
    with pytest.raises(PowerCut):
        train(config, [*OPTIONS[name], 'default_hooks.cut.type=PowerCutHook'], cut)
    train(config, OPTIONS[name], cut, resume=True)
    whole, half = (load_file(folder / run / 'iter_4.pth') for run in (name, f'{name}_cut'))
    assert same(whole['state_dict'], half['state_dict'])
    assert ('ema_state_dict' in whole) == (name == 'average')
    if 'ema_state_dict' in whole:
        assert same(whole['ema_state_dict'], half['ema_state_dict'])


def test_a_checkpoint_holds_the_averaged_weights_as_those_that_predict(folder):
    plain = [weights(folder / 'plain', step) for step in (1, 2, 3, 4)]
    name = next(key for key in plain[0] if key.startswith('head') and key.endswith('weight'))
    expected = plain[0][name]
    for state in plain[1:]:
        expected = expected.lerp(state[name], 0.5)
    torch.testing.assert_close(weights(folder / 'average', 4)[name], expected)
    assert not torch.equal(expected, plain[-1][name])


def test_recomputation_gives_the_same_weights_and_statistics(folder):
    assert same(weights(folder / 'plain', 4), weights(folder / 'recompute', 4))


def test_recomputation_keeps_less_and_counts_a_batch_once():
    torch.manual_seed(0)
    parts = [torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.Conv2d(8, 8, 3)]
    module, x = torch.nn.Sequential(*parts), torch.rand(2, 3, 16, 16)
    kept = []
    for wrapped in (False, True):
        if wrapped:
            module.forward = recomputed(module)
        parts[1].reset_running_stats()
        sizes = []
        hooks = (lambda tensor, sizes=sizes: sizes.append(tensor.numel()) or tensor, lambda tensor: tensor)
        with torch.autograd.graph.saved_tensors_hooks(*hooks):
            loss = module(x).square().mean()
        loss.backward()
        kept.append(sum(sizes))
        assert int(parts[1].num_batches_tracked) == 1
        assert module[0].weight.grad is not None
    assert kept[1] < 0.5 * kept[0]


def test_a_part_that_is_not_there_is_named(tiny_config, tmp_path):
    options = ['default_hooks.recompute.type=ActivationCheckpointingHook', 'default_hooks.recompute.modules=[bakbone]']
    with pytest.raises(ConfigError, match=r"no part 'bakbone'; nearest: backbone"):
        train(str(tiny_config), options, str(tmp_path))


def test_the_key_of_mmengine_that_would_train_nothing_is_refused(tiny_config, tmp_path):
    tiny_config.write_text(tiny_config.read_text() + "activation_checkpointing = ['backbone']\n")
    with pytest.raises(ConfigError, match='ActivationCheckpointingHook'):
        train(str(tiny_config), [], str(tmp_path))


def test_bfloat16_goes_together_with_all_of_them(folder):
    together = [option for options in OPTIONS.values() for option in options]
    train(str(folder / 'tiny.py'), together, str(folder / 'together'), amp=True)
    assert all(torch.isfinite(value).all() for value in weights(folder / 'together', 4).values())
