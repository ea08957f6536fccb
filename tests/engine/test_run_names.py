"""Two runs of one second in one process have nothing in common."""

from salseg.engine.config import load_config
from salseg.engine.runner import SalRunner
from salseg.engine.train import prepare


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
