from pathlib import Path

import pytest
import torch

from salseg.cli.main import main
from salseg.engine.checkpoint import load_file
from salseg.engine.checkpoint import newest_checkpoint
from salseg.engine.train import train
from salseg.errors import CheckpointError, ConfigError
from tests.processes import run_python

SCRIPT = Path(__file__).with_name('kill_at.py')
STEPS = 9


def run(config, folder, moment='never', resume=False, workers=0, extra=()):
    options = [f'train_cfg.max_iters={STEPS}', f'train_dataloader.num_workers={workers}', *extra]
    done = run_python([SCRIPT, config, folder, moment, 'resume' if resume else 'fresh', *options])
    if moment == 'never':
        assert done.returncode == 0, done.stderr[-3000:]
    else:
        assert done.returncode == -9, f'{done.returncode}: {done.stderr[-3000:]}'
    return folder


def weights(folder):
    return load_file(Path(folder) / f'iter_{STEPS}.pth')


def assert_same(one, other):
    assert one['state_dict'].keys() == other['state_dict'].keys()
    assert all(torch.equal(one['state_dict'][k], other['state_dict'][k]) for k in one['state_dict'])
    for a, b in zip(one['optimizer']['state'].values(), other['optimizer']['state'].values()):
        assert torch.equal(a['momentum_buffer'], b['momentum_buffer'])


@pytest.mark.slow()
@pytest.mark.parametrize('workers', [0, 2])
def test_a_killed_run_ends_with_the_same_bytes_as_an_undisturbed_one(tiny_config, tmp_path, workers):
    validated = ['train_cfg.val_interval=3']
    whole = run(tiny_config, tmp_path / 'whole', workers=workers)
    killed = tmp_path / 'killed'
    # After a step; inside the write of a checkpoint; after a step again, once more later.
    run(tiny_config, killed, 'iter:3', workers=workers, extra=validated)
    run(tiny_config, killed, 'write:1', resume=True, workers=workers, extra=validated)
    assert newest_checkpoint(killed).endswith('iter_2.pth')
    run(tiny_config, killed, 'iter:7', resume=True, workers=workers, extra=validated)
    run(tiny_config, killed, resume=True, workers=workers, extra=validated)
    assert_same(weights(whole), weights(killed))
    assert [p.name for p in sorted(killed.glob('*.pth'))] == [f'iter_{STEPS}.pth']


def test_a_run_killed_before_its_first_checkpoint_starts_again(tiny_config, tmp_path):
    whole = run(tiny_config, tmp_path / 'whole')
    run(tiny_config, tmp_path / 'killed', 'iter:1')
    run(tiny_config, tmp_path / 'killed', resume=True)
    assert_same(weights(whole), weights(tmp_path / 'killed'))


def test_resuming_where_no_run_is_says_so(tiny_config, tmp_path):
    with pytest.raises(CheckpointError, match=r'holds no checkpoint to resume from'):
        train(str(tiny_config), work_dir=str(tmp_path / 'empty'), resume=True)


SCHEDULE = 'param_scheduler.total=None'


def test_a_longer_run_has_the_longer_schedule_from_where_it_is_resumed(tiny_config, tmp_path, capfd):
    words = ['train', str(tiny_config), '--work-dir', str(tmp_path / 'run'), '--cfg-options', SCHEDULE]
    assert main([*words, 'train_cfg.max_iters=3']) == 0
    capfd.readouterr()
    assert main([*words, 'train_cfg.max_iters=6', '--resume']) == 0
    said = ''.join(capfd.readouterr())
    assert 'param_scheduler.0 (TriangleLR): total 3 in the checkpoint, 6 in the config' in said
    # The rates of an undisturbed run of that length.
    words[3] = str(tmp_path / 'whole')
    assert main([*words, 'train_cfg.max_iters=6']) == 0
    ends = [torch.load(tmp_path / name / 'iter_6.pth', weights_only=True) for name in ('run', 'whole')]
    rates = [[group['lr'] for group in end['optimizer']['param_groups']] for end in ends]
    assert rates[0] == rates[1]
    # The old schedule in a longer run, said by name.
    words[3] = str(tmp_path / 'kept')
    assert main([*words, 'train_cfg.max_iters=3']) == 0
    kept = ['param_scheduler.total=3', 'param_scheduler.end=3']
    capfd.readouterr()
    assert main([*words[:-1], *kept, 'train_cfg.max_iters=6', '--resume']) == 0
    assert 'in the checkpoint' not in ''.join(capfd.readouterr())


def test_resuming_with_another_rate_or_number_of_schedules_is_said(tiny_config, tmp_path):
    options = [SCHEDULE, 'train_cfg.max_iters=3', 'optim_wrapper.optimizer.lr=0.01']
    train(str(tiny_config), options, str(tmp_path / 'run'))
    with pytest.raises(CheckpointError, match=r'learning rate .*0.01\] in the checkpoint, .*0.02\] in the config'):
        train(str(tiny_config), [*options[:2], 'optim_wrapper.optimizer.lr=0.02'], str(tmp_path / 'run'), resume=True)
    tiny_config.write_text(
        tiny_config.read_text().replace('param_scheduler = dict', 'param_scheduler = []\nunused = dict')
    )
    with pytest.raises(CheckpointError, match='1 in the checkpoint, 0 in the config'):
        train(str(tiny_config), options[1:], str(tmp_path / 'run'), resume=True)


def test_bare_weights_cannot_be_resumed_from(tiny_config, tmp_path):
    run(tiny_config, tmp_path / 'run')
    bare = tmp_path / 'bare.pth'
    torch.save(weights(tmp_path / 'run')['state_dict'], bare)
    with pytest.raises(CheckpointError, match='weights only'):
        train(str(tiny_config), work_dir=str(tmp_path / 'again'), resume=str(bare))


def test_a_file_where_the_folder_should_be_is_named(tiny_config, tmp_path):
    (tmp_path / 'taken').write_text('x')
    with pytest.raises(ConfigError, match='taken is a file; expected a folder'):
        train(str(tiny_config), work_dir=str(tmp_path / 'taken'))


def test_a_full_disk_while_writing_keeps_the_previous_checkpoint(tiny_config, tmp_path, monkeypatch):
    from mmengine.runner import runner

    whole, count = runner.save_checkpoint, [0]

    def save(checkpoint, filename, **kwargs):
        count[0] += 1
        if count[0] == 2:
            Path(filename).write_bytes(b'half')
            raise OSError(28, 'No space left on device')
        whole(checkpoint, filename, **kwargs)

    monkeypatch.setattr(runner, 'save_checkpoint', save)
    with pytest.raises(CheckpointError, match=r'No space left(.|\n)*intact'):
        train(str(tiny_config), work_dir=str(tmp_path / 'run'))
    assert newest_checkpoint(tmp_path / 'run').endswith('iter_2.pth')
    assert load_file(newest_checkpoint(tmp_path / 'run'))['state_dict']
