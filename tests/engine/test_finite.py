"""What is infinite or no number stops a run, before it reaches a weight, a checkpoint or a result."""

import pytest
import torch

from salseg.apis import init_model
from salseg.cli.main import main
from salseg.engine.checkpoint import load_file
from salseg.engine.optim import AutocastOptimWrapper
from salseg.errors import NotFinite
from salseg.models.losses import PartialCrossEntropyLoss
from salseg.registry import HOOKS
from mmengine.hooks import Hook

OPTIONS = [
    'default_hooks.checkpoint.interval=1', 'val_dataloader=None', 'val_evaluator=None', 'val_cfg=None',
    'model.losses.lsc=None', 'model.losses.ssc=None', 'model.extra_passes.rescaled=None',
]  # fmt: skip


@HOOKS.register_module()
class DamagedWeightHook(Hook):
    """Put a value into a weight, or into the statistics of a normalisation, after the third step."""

    def __init__(self, name, value):
        self.name, self.value = name, float(value)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if batch_idx == 2:
            runner.model.state_dict()[self.name].view(-1)[0] = self.value


def run(config, folder, capsys, *options):
    status = main(['train', str(config), '--work-dir', str(folder), '--cfg-options', *OPTIONS, *options])
    return status, capsys.readouterr().err


def third_loss(monkeypatch, change):
    """Change what the loss gives in the third step; it has two outputs to look at in each."""
    forward, calls = PartialCrossEntropyLoss.forward, []

    def changed(self, outputs, targets):
        calls.append(0)
        value = forward(self, outputs, targets)
        return change(value, outputs) if len(calls) == 3 else value

    monkeypatch.setattr(PartialCrossEntropyLoss, 'forward', changed)


def first(value):
    return next(iter(value.values())) if isinstance(value, dict) else value


def assert_whole(folder):
    """The checkpoint of the second step is the only one, and finite."""
    assert [path.name for path in folder.glob('*.pth')] == ['iter_2.pth']
    assert all(torch.isfinite(value).all() for value in load_file(folder / 'iter_2.pth')['state_dict'].values())


def test_a_loss_that_is_no_number_stops_the_run_with_its_name_and_step(tiny_config, tmp_path, capsys, monkeypatch):
    third_loss(monkeypatch, lambda value, outputs: first(value) * float('nan'))
    status, said = run(tiny_config, tmp_path / 'run', capsys)
    assert status == 2
    assert 'NotFinite: iteration 3: loss_pce is nan.' in said
    assert_whole(tmp_path / 'run')


def test_gradients_that_are_no_numbers_stop_the_run_before_the_step(tiny_config, tmp_path, capsys, monkeypatch):
    # The root of 0 is 0, and its slope is infinite.
    third_loss(monkeypatch, lambda value, outputs: first(value) + (outputs['logits'] * 0).sum().abs().sqrt())
    status, said = run(tiny_config, tmp_path / 'run', capsys)
    assert status == 2
    assert 'iteration 3: the gradients of' in said
    assert 'the first backbone.' in said or 'the first neck.' in said
    assert_whole(tmp_path / 'run')


@pytest.mark.parametrize(('name', 'value'), [('backbone.conv1.weight', 'inf'), ('backbone.bn1.running_mean', 'nan')])
def test_damaged_weights_are_never_written(tiny_config, tmp_path, capsys, name, value):
    config = tiny_config.with_name('damaged.py')
    hook = f"custom_hooks = [dict(type='DamagedWeightHook', name={name!r}, value={value!r})]\n"
    config.write_text(tiny_config.read_text() + hook)
    status, said = run(config, tmp_path / 'run', capsys)
    assert status == 2
    assert f'values of {name} are not finite' in said
    assert 'iteration 3: 1 of ' in said
    assert_whole(tmp_path / 'run')


def test_a_scaler_may_skip_twenty_steps_in_a_row_and_no_more():
    weight = torch.nn.Parameter(torch.ones(1))
    wrapper = AutocastOptimWrapper(optimizer=torch.optim.SGD([weight], 0.1))
    for skipped in [*[True] * 20, False, *[True] * 20]:
        wrapper.count_skipped(skipped)
    with pytest.raises(NotFinite, match='in 21 steps one after the other'):
        wrapper.count_skipped(True)


def test_predictions_that_are_no_numbers_are_an_error_that_names_the_weights(tmp_path, capsys):
    import cv2
    import numpy as np

    cv2.imwrite(str(tmp_path / 'one.png'), np.full((32, 40, 3), 90, np.uint8))
    model = init_model('salseg-demo', device='cpu')
    state = {
        name: value * float('nan') if value.is_floating_point() else value for name, value in model.state_dict().items()
    }
    torch.save(dict(state_dict=state), tmp_path / 'broken.pth')
    words = ['predict', 'salseg-demo', str(tmp_path / 'one.png'), '--out', str(tmp_path / 'out'), '--device', 'cpu']
    assert main([*words, '--checkpoint', str(tmp_path / 'broken.pth')]) == 2
    assert 'broken.pth) have diverged, or are damaged' in capsys.readouterr().err
    assert not list((tmp_path / 'out').glob('*.png'))
