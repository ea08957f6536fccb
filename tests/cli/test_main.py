import json
import os
import subprocess
from errno import EDQUOT, EFBIG, ENOSPC

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from salseg.cli import main
from tests.needs import ROOT
from tests.processes import run_python


@pytest.fixture(scope='module')
def run_folder(tmp_path_factory):
    from tests.tiny import write_tiny_config

    folder = tmp_path_factory.mktemp('cli')
    config = write_tiny_config(folder / 'tiny.py')
    run_python(['-m', 'salseg', 'train', config, '--work-dir', folder / 'run']).check_returncode()
    return folder


def images(folder, count=2):
    folder.mkdir()
    for index in range(count):
        values = np.random.default_rng(index).integers(0, 256, (30 + index, 40, 3), dtype=np.uint8)
        Image.fromarray(values).save(folder / f'{index}.jpg')
    return folder


def test_training_writes_config_log_and_checkpoint(run_folder):
    run = run_folder / 'run'
    assert (run / 'last_checkpoint').read_text() == str(run / 'iter_4.pth')
    assert "type='SaliencySegmentor'" in (run / 'tiny.py').read_text()
    (scalars,) = run.glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in scalars.read_text().splitlines()]
    assert [line['step'] for line in lines if 'loss' in line] == [1, 2, 3, 4]
    assert 'loss_lsc_logits' in lines[0]


def test_testing_a_run_prints_the_same_metrics_twice(run_folder, capfd):
    run = run_folder / 'run'
    rows = []
    for _ in range(2):
        assert main(['test', str(run / 'tiny.py'), str(run / 'iter_4.pth')]) == 0
        text = ''.join(capfd.readouterr())
        rows.append(next(line for line in text.splitlines() if line.startswith('| synthetic')))
    assert rows[0] == rows[1]


def test_protocols_and_columns_of_a_test_may_be_named(run_folder):
    run = run_folder / 'run'
    named = [
        '--protocol',
        'cosod-evalcosod,sod',
        '--columns',
        'mae,mustd_f,auc',
        '--work-dir',
        str(run_folder / 'named'),
    ]
    assert main(['test', str(run / 'tiny.py'), str(run / 'iter_4.pth'), *named]) == 0
    found = next((run_folder / 'named').glob('*/*.json'))
    sets = {key.split('/', 1)[1] for key in json.loads(found.read_text()) if '/' in key}
    assert sets == {'mae', 'auc', 'sod/mae', 'sod/mustd_f', 'sod/auc'}
    (config,) = (run_folder / 'named').glob('*.py')
    assert Config.fromfile(config).test_evaluator.protocol == ['cosod-evalcosod', 'sod']


@pytest.mark.parametrize(('named', 'message'), [
    (['--protocol', 'sodd'], "no protocol is called 'sodd'; did you mean sod"),
    (['--columns', 'max_f,mea'], "there is no column 'mea'; did you mean"),
    (['--protocol', 'davis17-semi'], 'is a protocol of object masks; use VideoObjectMetric'),
    (['--protocol', 'cosod-evalcosod', '--columns', 'weighted_f'], "cosod-evalcosod: there is no column 'weighted_f'"),
])  # fmt: skip
def test_a_protocol_or_column_that_is_not_there_is_said_before_anything_runs(named, message, run_folder, capsys):
    assert main(['test', str(run_folder / 'run/tiny.py'), 'nowhere.pth', *named]) == 2
    assert message in capsys.readouterr().err


def test_predicting_writes_a_map_for_each_image(run_folder, tmp_path, capsys):
    folder = images(tmp_path / 'in')
    assert (
        main(
            ['predict', str(run_folder / 'run'), str(folder), '--out', str(tmp_path / 'out'), '--save', 'mask,overlay']
        )
        == 0
    )
    assert Image.open(tmp_path / 'out/mask/1.png').size == (40, 31)
    assert Image.open(tmp_path / 'out/overlay/0.png').mode == 'RGB'
    assert '4 files written' in capsys.readouterr().out


def test_an_unreadable_image_gives_status_one_and_its_reason(run_folder, tmp_path, capsys):
    folder = images(tmp_path / 'in')
    (folder / 'x.jpg').write_bytes(b'no image')
    assert main(['predict', str(run_folder / 'run'), str(folder), '--out', str(tmp_path / 'out')]) == 1
    output = capsys.readouterr().out
    assert 'left out' in output
    assert 'x.jpg' in output


def test_a_user_error_is_one_message_without_a_traceback(tiny_config, tmp_path, capsys):
    folder = images(tmp_path / 'in')
    status = main(['predict', str(tiny_config), str(folder), '--out', str(tmp_path / 'out')])
    captured = capsys.readouterr()
    assert status == 2
    assert captured.err.startswith(f'salseg predict: CheckpointError: {tiny_config} has no trained weights')
    assert 'Traceback' not in captured.err


def test_info_prints_the_card_and_an_unknown_name_gets_near_ones(capsys):
    assert main(['info', 'salseg-demo']) == 0
    assert 'salseg_demo.py' in capsys.readouterr().out
    assert main(['info', 'salseg-dmo']) == 2
    assert 'Nearest: salseg-demo' in capsys.readouterr().err


def test_list_shows_models_and_configs(capsys):
    main(['list', '*lite*'])
    assert all('lite' in line.split()[0] for line in capsys.readouterr().out.splitlines())
    main(['list', 'salseg-demo'])
    assert capsys.readouterr().out.split()[:3] == ['salseg-demo', 'SOD', 'image']
    main(['list', '--configs'])
    listed = capsys.readouterr().out.splitlines()
    assert listed
    assert all((ROOT / line).is_file() for line in listed)


def test_a_launcher_without_its_environment_says_how_to_start(tiny_config, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv('RANK', raising=False)
    assert main(['train', str(tiny_config), '--work-dir', str(tmp_path), '--launcher', 'pytorch']) == 2
    assert 'start the command with torchrun' in capsys.readouterr().err


@pytest.mark.parametrize('script', ['train', 'test', 'predict'])
def test_the_scripts_are_the_commands(script):
    env = {**os.environ, 'PYTHONPATH': str(ROOT)}
    done = run_python([f'tools/{script}.py', '--help'], env=env)
    assert f'usage: salseg {script}' in done.stdout


@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh', 'slurm_test.sh'])
def test_the_shell_scripts_parse(script):
    subprocess.run(['bash', '-n', f'tools/{script}'], cwd=ROOT, check=True)


def test_mixed_precision_trains_on_a_cpu(tiny_config, tmp_path):
    command = ['-m', 'salseg', 'train', tiny_config, '--work-dir', tmp_path, '--amp']
    options = ['--cfg-options', 'train_cfg.max_iters=1', 'default_hooks.logger.interval=1']
    done = run_python([*command, *options])
    assert 'loss_ssc' in done.stdout + done.stderr
    assert 'AutocastOptimWrapper' in (tmp_path / 'tiny.py').read_text()


@pytest.mark.parametrize('number', [ENOSPC, EFBIG, EDQUOT])
def test_a_write_that_finds_no_room_names_the_folder(number, monkeypatch, tmp_path, capsys):
    """What the system raises in a write does not know its file."""

    def fails(args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr('salseg.cli.train.run', fails)
    assert main(['train', 'x', '--work-dir', str(tmp_path / 'run')]) == 2
    said = capsys.readouterr().err
    assert f'{tmp_path}/run cannot be written: [Errno {number}] {os.strerror(number)}. Free some space' in said
    assert said.count('\n') == 1
