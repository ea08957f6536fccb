"""From which weights a training starts: never in silence, never from nothing where a stage needs a start."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from salseg.apis import init_model
from salseg.cli.main import main
from salseg.engine.checkpoint import load_file, load_weights
from salseg.engine.runner import SalRunner
from salseg.engine.starting import build_model, nearest_cause
from salseg.engine.train import train
from salseg.errors import CheckpointError, ConfigError, WeightsError
from salseg.models import BaseSegmentor
from salseg.models.backbones import ResNet
from salseg.registry import MODELS

PARTIAL = 'load_partial=True'


@pytest.fixture()
def first(tiny_config, tmp_path):
    """Folder of a finished run of the tiny model."""
    train(str(tiny_config), work_dir=str(tmp_path / 'first'))
    return tmp_path / 'first'


def log_of(folder):
    return ''.join(path.read_text() for path in sorted(Path(folder).glob('*/*.log')))


def network(entries):
    return nn.ParameterDict({f'p{index}': nn.Parameter(torch.zeros(2)) for index in range(entries)})


def test_the_log_counts_what_came_from_the_file_and_what_did_not(tiny_config, first, tmp_path):
    path = first / 'iter_4.pth'
    state = load_file(path)['state_dict']
    dropped = [key for key in state if key.startswith('head.')]
    torch.save(
        {'other.weight': torch.zeros(1), **{k: v for k, v in state.items() if k not in dropped}}, tmp_path / 'p.pth'
    )
    train(str(tiny_config), [f'load_from={tmp_path / "p.pth"}', PARTIAL], str(tmp_path / 'second'))
    line = next(line for line in log_of(tmp_path / 'second').splitlines() if 'weights from' in line)
    assert f'{tmp_path / "p.pth"}: {len(state) - len(dropped)} of {len(state)} entries loaded' in line
    assert f'{len(dropped)} missing ({dropped[0]}' in line
    assert '1 foreign (other.weight)' in line
    assert '0 of another shape' in line


def test_a_file_of_which_nearly_nothing_fits_is_refused_with_counts_and_its_file():
    model = network(30)
    with pytest.raises(CheckpointError) as error:
        load_weights(
            model, {'p0': torch.ones(2), **{f'q{i}': torch.ones(1) for i in range(7)}}, 'far.pth', partial=True
        )
    assert 'far.pth does not fit' in str(error.value)
    assert '1 of 30 entries have the same name' in str(error.value)
    assert 'unknown to the model (7): q0' in str(error.value)
    assert not any(value.any() for value in model.values())
    assert load_weights(model, {f'p{i}': torch.ones(2) for i in range(4)}, 'near.pth', partial=True).loaded == 4


def test_a_file_of_another_model_is_named_by_what_its_config_built(tiny_config, first, tmp_path):
    other = tmp_path / 'other.py'
    other.write_text(f'_base_ = [{str(tiny_config)!r}]\nmodel = dict(backbone=dict(depth=34))\n')
    with pytest.raises(
        CheckpointError, match='Most likely this looks like a checkpoint of SaliencySegmentor with ResNet, Mul'
    ):
        train(str(other), [f'load_from={first}'], str(tmp_path / 'second'))


@pytest.mark.parametrize(
    ('keys', 'words'),
    [
        (['conv.weight', 'conv.bias'], "of the model's part 'backbone' alone"),
        (['net.backbone.conv.weight', 'net.head.weight'], "names begin with 'net.'"),
        (['layer1.0.weight', 'fc.bias'], 'image classifier'),
        (['decoder.a', 'encoder.b'], 'another program: its entries begin with decoder, encoder'),
        ([], 'no entry at all'),
    ],
)
def test_the_nearest_cause_is_read_from_the_names(keys, words):
    assert words in nearest_cause(['backbone.conv.weight', 'backbone.conv.bias', 'head.weight'], keys)


def test_the_text_of_a_config_in_a_checkpoint_is_never_run():
    assert 'another program' in nearest_cause(['a'], ['b.c'], {'cfg': 'raise SystemExit'})
    backbone = "dict(type='Enc', backbone=dict(type='Res'))"
    config = f"model = dict(type='Net', backbone={backbone}, head=dict(type='Head'))"
    assert 'of Net with Res, Head' in nearest_cause(['a'], ['b'], {'cfg': config})


def later(tiny_config, tmp_path):
    path = tmp_path / 'later.py'
    path.write_text(f"_base_ = [{str(tiny_config)!r}]\nneeds_start = 'the-stage-before'\n")
    return str(path)


def test_a_later_stage_without_a_start_names_the_command_before_it_builds_anything(
    tiny_config, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(SalRunner, 'from_cfg', lambda *_: pytest.fail('built'))
    config = later(tiny_config, tmp_path)
    assert main(['train', config, '--work-dir', str(tmp_path / 'run')]) == 2
    text = capsys.readouterr().err
    assert 'salseg train the-stage-before --work-dir runs/the-stage-before\n' in text
    assert f'salseg train {config} --cfg-options load_from=runs/the-stage-before\n' in text
    assert '--from-scratch' in text
    assert not (tmp_path / 'run').exists()
    # Begun but without a checkpoint, there is still no start.
    assert main(['train', config, '--work-dir', str(tmp_path / 'run'), '--resume']) == 2


def test_from_scratch_allows_it_and_a_stopped_run_needs_no_start_again(tiny_config, tmp_path, monkeypatch):
    config, step, calls = later(tiny_config, tmp_path), BaseSegmentor.train_step, []

    def counted(self, *args, **others):
        calls.append(0)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return step(self, *args, **others)

    words = ['train', config, '--work-dir', str(tmp_path / 'run')]
    with monkeypatch.context() as patch:
        patch.setattr(BaseSegmentor, 'train_step', counted)
        assert main([*words, '--from-scratch']) == 130
    assert main([*words, '--resume']) == 0
    assert (tmp_path / 'run/iter_4.pth').is_file()


def test_from_scratch_and_a_start_contradict_each_other(tiny_config, tmp_path):
    with pytest.raises(ConfigError, match=r"--from-scratch, but load_from='some.pth'"):
        train(later(tiny_config, tmp_path), ['load_from=some.pth'], str(tmp_path / 'run'), from_scratch=True)


def test_a_folder_of_a_run_is_a_start(tiny_config, first, tmp_path):
    train(later(tiny_config, tmp_path), [f'load_from={first}', 'train_cfg.max_iters=1'], str(tmp_path / 'second'))
    assert f'weights from {first / "iter_4.pth"}' in log_of(tmp_path / 'second')
    with pytest.raises(CheckpointError, match='holds no checkpoint'):
        train(later(tiny_config, tmp_path), [f'load_from={tmp_path}'], str(tmp_path / 'third'))


NOWHERE = 'model.backbone.weights=/nowhere/resnet18.pth'


def test_no_pretrained_file_is_looked_for_where_the_start_brings_all(tiny_config, first, tmp_path):
    options = [NOWHERE, 'train_cfg.max_iters=5']
    train(str(tiny_config), [*options, f'load_from={first}'], str(tmp_path / 'second'))
    train(str(tiny_config), [*options, f'load_from={first}', PARTIAL], str(tmp_path / 'third'))
    train(str(tiny_config), options, str(first), resume=True)
    kept = next((tmp_path / 'second').glob('*.py')).read_text()
    assert '/nowhere/resnet18.pth' in kept, 'the config of the run is the one that was given'


def test_a_file_that_the_start_needs_beside_it_is_named_with_counts(tiny_config, first, tmp_path):
    state = load_file(first / 'iter_4.pth')['state_dict']
    torch.save({key: value for key, value in state.items() if 'backbone.layer' not in key}, tmp_path / 'p.pth')
    options = [NOWHERE, f'load_from={tmp_path / "p.pth"}']
    with pytest.raises(WeightsError, match=r'/nowhere/resnet18\.pth') as error:
        train(str(tiny_config), [*options, PARTIAL], str(tmp_path / 'second'))
    own = [key for key in state if key.startswith('backbone.')]
    stem = [key for key in own if 'layer' not in key]
    assert f'p.pth does not bring all of it: {len(stem)} of {len(own)} entries of backbone' in str(error.value)
    with pytest.raises(CheckpointError, match=rf'missing in the file \({len(own) - len(stem)}\): backbone\.layer1'):
        train(str(tiny_config), options, str(tmp_path / 'third'))


class Twice(nn.Module):
    """A backbone and its copy."""

    def __init__(self, weights):
        super().__init__()
        self.own = ResNet(18, out_indices=(1,), weights=weights)
        self.copy = copy.deepcopy(self.own)


@pytest.fixture()
def twice(tmp_path):
    MODELS.register_module(module=Twice)
    torch.save(ResNet(18, out_indices=(1,)).state_dict(), tmp_path / 'resnet.pth')
    yield {'type': 'Twice', 'weights': str(tmp_path / 'resnet.pth')}
    MODELS.module_dict.pop('Twice')


def test_a_copy_of_a_pretrained_part_that_the_start_lacks_has_the_pretrained_weights(twice):
    file = torch.load(twice['weights'], weights_only=True)
    whole = MODELS.build(dict(twice)).state_dict()
    own = {key: value + 1 for key, value in whole.items() if key.startswith('own.')}
    model = build_model(twice, own, partial=True)
    assert all(torch.equal(value, file[key]) for key, value in model.copy.state_dict().items())
    Path(twice['weights']).unlink()
    build_model(twice, whole, partial=True)
    with pytest.raises(WeightsError, match='does not bring all of it'):
        build_model(twice, own, partial=True)


def test_a_part_that_needs_its_file_starts_as_without_the_trial(twice):
    torch.manual_seed(3)
    plain = MODELS.build(dict(twice))
    drawn = torch.rand(1)
    torch.manual_seed(3)
    model = build_model(twice, {}, partial=True)
    assert all(torch.equal(a, b) for a, b in zip(plain.state_dict().values(), model.state_dict().values(), strict=True))
    assert torch.equal(drawn, torch.rand(1))


@pytest.mark.parametrize('switch', [['--no-pretrained'], ['--cfg-options', 'model.pretrained=False']])
def test_one_switch_starts_at_random(switch, tiny_config, tmp_path, capsys):
    # As the last of a list of options: the switch must not depend on the order.
    tiny_config.write_text(tiny_config.read_text().replace('weights=None', "weights='/nowhere/resnet18.pth'"))
    words = ['train', str(tiny_config), '--work-dir', str(tmp_path / 'run')]
    assert main(words) == 2
    assert '--no-pretrained' in capsys.readouterr().err
    tiny_config.write_text(tiny_config.read_text().replace('max_iters=4', 'max_iters=1'))
    assert main([*words, *switch]) == 0
    assert init_model(str(tiny_config), device='cpu', pretrained=False).backbone.weights_loaded is False
    with pytest.raises(ConfigError, match='model.pretrained is 3'):
        init_model(str(tiny_config), device='cpu', options={'model.pretrained': 3})
