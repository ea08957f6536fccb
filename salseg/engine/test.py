"""Test a checkpoint on the test sets of a config."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from salseg.engine.checkpoint import newest_checkpoint
from salseg.engine.config import load_config
from salseg.engine.evaluators import choose_protocols
from salseg.engine.runner import SalRunner, device_line
from salseg.engine.sets import skip_absent
from salseg.engine.train import prepare
from salseg.releases import Release


def test(
    model: str,
    checkpoint: str,
    options: Mapping[str, Any] | list[str] | None = None,
    work_dir: str | None = None,
    launcher: str = 'none',
    releases: Sequence[Release] = (),
    protocols: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> dict[str, float]:
    """Test a checkpoint on the test sets of a config; those that are not here are left out, and the table says so.

    Returns:
        Metrics by name, as printed. Protocols and columns are those of the config where none are named, see
        `salseg.engine.evaluators.choose_protocols`.

    Raises:
        UnknownName: There is no such protocol or column.
        DataError: No test set is here, or one that is cannot be read.
        ConfigError, CheckpointError: As in :func:`train`.
    """
    config = load_config(model, options)
    choose_protocols(config, protocols, columns)
    skipped = skip_absent(config, model, releases)
    if Path(checkpoint).is_dir():
        checkpoint = newest_checkpoint(checkpoint)
    # A folder below the run's: a config beside the run's own would make it ambiguous which one the run used.
    folder = Path(work_dir or Path(checkpoint).parent / 'test')
    prepare(config, str(folder), launcher, amp=False)
    config.load_from = str(checkpoint)
    # What is tested is all from the file; a start of a training need not be.
    config.load_partial = False
    runner = SalRunner.from_cfg(config)
    runner.logger.info(device_line())
    for text in skipped:
        runner.logger.warning(f'left out: {text}')
    return runner.test()
