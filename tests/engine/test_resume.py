from pathlib import Path

import pytest
import torch

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
