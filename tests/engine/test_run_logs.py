"""Names and logs of runs: two of one second in one process have nothing in common; a log that is lost stops its run."""

from logging import FileHandler
from pathlib import Path

import pytest

from salseg.engine.config import load_config
from salseg.engine.runner import SalRunner
from salseg.engine.train import prepare
from salseg.errors import DataError


def test_runners_of_one_second_share_no_folder_log_or_numbers(tiny_config, tmp_path, monkeypatch):
    monkeypatch.setattr('mmengine.runner.runner.time.time', lambda: 1e9)
    runners = []
    for _ in range(2):
        config = load_config(str(tiny_config))
        prepare(config, str(tmp_path), 'none', amp=False)
        runners.append(SalRunner.from_cfg(config))
    first, second = runners
    assert first.experiment_name != second.experiment_name
    assert first.log_dir != second.log_dir
    assert first.message_hub is not second.message_hub
    assert first.visualizer is not second.visualizer


@pytest.mark.skipif(not Path('/dev/full').exists(), reason='no device that is always full')
def test_a_log_that_cannot_be_written_stops_the_run_with_a_sentence(tiny_config, tmp_path, capsys):
    config = load_config(str(tiny_config))
    prepare(config, str(tmp_path), 'none', amp=False)
    runner = SalRunner.from_cfg(config)
    (handler,) = (handler for handler in runner.logger.handlers if isinstance(handler, FileHandler))
    # Every write to it fails as on a full disk.
    handler.setStream(Path('/dev/full').open('w'))  # noqa: SIM115 (the handler closes it)
    with pytest.raises(DataError, match=r'\.log cannot be written: .*No space left on device.*--resume'):
        runner.logger.info('a line')
    assert 'Traceback' not in capsys.readouterr().err
    runner.logger.removeHandler(handler)
