import json
from pathlib import Path

import shutil

import cv2
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from salseg.apis import init_model
from salseg.cli import main as salseg
from tests.needs import needs_project
from tests.evaluation.trees import label_tree, map_tree, save_grey, save_labels
from tests.scripts import load_script

FOLDER = Path(__file__).resolve().parents[2] / 'tools/analysis_tools'


# Multiply-adds of attention of 2 heads over 16 positions of 8 channels.
ATTENTION = 2 * (2 * 16 * 16 * 8)


def tool(name):
    return load_script(FOLDER / f'{name}.py')


def metrics(tmp_path, name, protocol='sod', tree=map_tree, content=('1', '2')):
    predictions, truth = tree(tmp_path / name, content)
    out = tmp_path / name / 'out'
    arguments = [str(predictions), str(truth), '--protocol', protocol, '--processes', '1', '--worst', '0']
    assert salseg(['evaluate', *arguments, '--out', str(out)]) == 0
    return out / 'metrics.json'


def test_curves_of_several_evaluations_are_drawn_into_one_image(tmp_path, capsys):
    a, b = metrics(tmp_path, 'a'), metrics(tmp_path, 'b')
    assert tool('plot_curves').main([f'x={a}', f'y={b}', '--out', str(tmp_path / 'curves')]) == 0
    assert len(list((tmp_path / 'curves').glob('*.png'))) == 4
    _, curves = tool('plot_curves').read_runs([f'x={a}', f'y={b}'])
    assert {name: len(c['f_curve']) for name, c in curves.items()} == {'x': 256, 'y': 256}


def test_curves_of_two_protocols_do_not_compare(tmp_path, capsys):
    a, b = metrics(tmp_path, 'a'), metrics(tmp_path, 'b', 'cosod-evalcosod')
    assert tool('plot_curves').main([f'x={a}', f'y={b}', '--out', str(tmp_path / 'c')]) == 2
    assert 'cosod-evalcosod, sod' in capsys.readouterr().err


def test_masks_have_no_curves(tmp_path, capsys):
    file = metrics(tmp_path, 'a', 'davis17-semi', label_tree, {'v': 4})
    assert tool('plot_curves').main([str(file), '--out', str(tmp_path / 'c')]) == 2
    assert 'no curves' in capsys.readouterr().err


@pytest.fixture
def run(tmp_path):
    """A run that was resumed: step 2 is in both logs, the last line is cut."""
    for number, lines in enumerate([[(1, 4.0), (2, 3.0)], [(2, 2.0), (3, 1.0)]]):
        file = tmp_path / f'run/2026010{number}/vis_data/scalars.json'
        file.parent.mkdir(parents=True)
        text = '\n'.join(json.dumps(dict(step=s, loss=v, time=0.1)) for s, v in lines)
        file.write_text(text + '\n{"step": 9, "lo')
    return tmp_path / 'run'


def test_the_newer_log_counts_where_steps_overlap(run):
    assert tool('analyze_logs').read_run(run)['loss'] == {1: 4.0, 2: 2.0, 3: 1.0}


def test_logs_are_drawn_and_an_unknown_key_names_those_there_are(run, tmp_path, capsys):
    module = tool('analyze_logs')
    assert module.main([str(run), '--keys', 'loss', '--out', str(tmp_path / 'l.png')]) == 0
    assert cv2.imread(str(tmp_path / 'l.png')).std() > 0
    assert '3 steps, 100 ms per step' in capsys.readouterr().out
    assert module.main([str(run), '--keys', 'los']) == 2
    assert 'there are loss, time' in capsys.readouterr().err


def test_smoothing_is_a_running_mean():
    found = tool('analyze_logs').smoothed(np.array([1.0, 3.0, 5.0, 9.0]), 2)
    assert found.tolist() == [1, 2, 4, 7]


def test_the_sheet_shows_the_images_on_which_methods_differ_most(tmp_path, capsys):
    predictions, truth = map_tree(tmp_path, ['1', '2', '3'])
    for stem in '123':
        other = np.zeros((20, 26)) if stem == '3' else cv2.imread(str(predictions / f'{stem}.png'), 0)
        save_grey(tmp_path / f'b/{stem}.png', other)
    module = tool('compare_methods')
    arguments = [f'a={predictions}', f'b={tmp_path / "b"}', '--truth', str(truth), '--cell', '60']
    differ, named = tmp_path / 'differ.png', tmp_path / 'named.png'
    assert module.main([*arguments, '--number', '1', '--order', 'differ', '--out', str(differ)]) == 0
    assert module.main([*arguments, '--names', '3', '--out', str(named)]) == 0
    assert (cv2.imread(str(differ)) == cv2.imread(str(named))).all()
    assert module.main([*arguments, '--names', '9', '--out', str(named)]) == 2
    assert '9 is in all folders; 3 images are' in capsys.readouterr().err


def test_a_sheet_of_objects_shows_the_frames_that_count_with_their_mean_j(tmp_path, capsys):
    predictions, truth = label_tree(tmp_path, {'v': 5})
    # A frame that the protocol counts and one method loses.
    shutil.copytree(predictions, tmp_path / 'b')
    save_labels(tmp_path / 'b/v/00003.png', np.zeros((24, 32)))
    module = tool('compare_methods')
    arguments = [f'a={predictions}', f'b={tmp_path / "b"}', '--truth', str(truth), '--cell', '60']
    arguments += ['--protocol', 'davis17-semi']
    differ, named = tmp_path / 'differ.png', tmp_path / 'named.png'
    assert module.main([*arguments, '--number', '1', '--order', 'differ', '--out', str(differ)]) == 0
    assert module.main([*arguments, '--names', 'v/00003', '--out', str(named)]) == 0
    assert (cv2.imread(str(differ)) == cv2.imread(str(named))).all()
    scores = module.FrameScores('J')
    module.evaluate_folders({'b': tmp_path / 'b'}, truth, 'davis17-semi', sinks=[scores])
    assert set(scores.values) == {'v/00001', 'v/00002', 'v/00003'}
    assert scores.values['v/00003'] == {'b': 0.0}
    assert module.main([*arguments, '--names', 'v/00000', '--out', str(named)]) == 2
    assert 'v/00000 counts in all folders; 3 images do' in capsys.readouterr().err
    assert module.main([*arguments, '--metric', 'mae', '--out', str(named)]) == 2
    assert 'expected J or F' in capsys.readouterr().err


class Attention(nn.Module):
    """A product, then attention of 2 heads over 16 positions of 8 channels."""

    def __init__(self):
        super().__init__()
        self.product = nn.Linear(8, 8, bias=False)
        self.frozen = nn.Parameter(torch.zeros(5), requires_grad=False)

    def forward(self, x):
        x = self.product(x)
        return functional.scaled_dot_product_attention(x, x, x)


def test_multiply_adds_of_products_and_of_fused_attention_are_counted():
    model = Attention().eval()
    x = torch.zeros(1, 2, 16, 8)
    found = tool('model_complexity').measure(model, lambda: model(x), torch.device('cpu'), rounds=1)
    product = 2 * 16 * 8 * 8
    assert found.multiply_adds == product + ATTENTION
    assert found.by_part == dict(product=product)
    assert (found.parameters, found.trained) == (69, 64)
    assert found.peak_bytes >= x.nbytes


@pytest.mark.parametrize('grad', ['inference_mode', 'no_grad', 'enable_grad'])
@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('backend', [SDPBackend.MATH, SDPBackend.FLASH_ATTENTION])
@pytest.mark.parametrize('device', ['cpu', 'meta'])
def test_attention_counts_once_whatever_kernel_runs_it(device, backend, masked, grad):
    x = torch.zeros(1, 2, 16, 8, device=device)
    mask = torch.zeros(16, 16, device=device) if masked else None
    counter = tool('model_complexity').operation_counter()
    with getattr(torch, grad)(), sdpa_kernel(backend), counter:
        functional.scaled_dot_product_attention(x, x, x, attn_mask=mask)
    assert counter.get_total_flops() == 2 * ATTENTION


@pytest.mark.parametrize('name', tool('model_complexity').FUSED_ATTENTION)
def test_each_fused_attention_counts_the_products_it_stands_for(name):
    counter = tool('model_complexity').operation_counter()
    kernel = getattr(torch.ops.aten, name, None)
    if kernel is None:
        pytest.skip(f'torch {torch.__version__} has no {name}')
    query, key, value = torch.Size((2, 3, 16, 8)), torch.Size((2, 3, 5, 8)), torch.Size((2, 3, 5, 4))
    products = 2 * 3 * 16 * 5 * 8 + 2 * 3 * 16 * 5 * 4
    formula = counter.flop_registry[kernel]
    assert formula(*(torch.empty(shape) for shape in (query, key, value)), out_val=torch.empty(1)) == 2 * products


def test_a_model_of_a_config_is_measured(tiny_config, capsys):
    assert tool('model_complexity').main([str(tiny_config), '--size', '32', '32', '--device', 'cpu', '--json']) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found['multiply_adds'] == pytest.approx(sum(found['by_part'].values()), rel=0.02)
    assert found['parameters'] == sum(p.numel() for p in init_model(str(tiny_config)).parameters())


def complexity(*words, capsys):
    assert tool('model_complexity').main([*words, '--device', 'cpu', '--rounds', '1', '--json']) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_counting_needs_no_file_of_weights_and_takes_options(tiny_config, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    # A file that is not there: asking for it would end the command.
    options = ['model.backbone.weights=nowhere.pth', 'model.neck.width=16', 'model.head.in_channels=16']
    size = ('--size', '32', '32')
    wide = complexity(str(tiny_config), *size, '--cfg-options', *options, capsys=capsys)
    assert wide['parameters'] > complexity(str(tiny_config), *size, capsys=capsys)['parameters']


@pytest.mark.parametrize('name', ['xmem-lite', 'npmca-net-lite'])
def test_a_tracker_is_counted_per_frame_and_costs_more_with_more_objects(name, capsys):
    needs_project('xmem')
    needs_project('npmca_net')
    words = (name, '--size', '64', '96', '--frames', '2')
    costs = [complexity(*words, '--objects', str(k), capsys=capsys)['multiply_adds'] for k in (1, 2, 3)]
    assert costs[0] < costs[1] < costs[2]
    assert complexity(*words, capsys=capsys)['multiply_adds'] == costs[0]


def test_a_mask_guided_network_is_counted_without_its_learner(capsys):
    needs_project('mask_guided_fcn')
    found = complexity('mask-guided-fcn-lite', '--size', '64', '64', capsys=capsys)
    assert found['multiply_adds'] == pytest.approx(sum(found['by_part'].values()))
    assert 'learner' not in found['by_part']


def test_objects_belong_to_trackers(tiny_config, capsys):
    assert tool('model_complexity').main([str(tiny_config), '--objects', '2', '--device', 'cpu']) == 2
    assert '--objects is for trackers' in capsys.readouterr().err
