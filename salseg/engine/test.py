"""Test a checkpoint on the test sets of a config."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from salseg.catalog import is_published_name, shipped_weights
from salseg.engine.checkpoint import newest_checkpoint
from salseg.engine.config import is_run_folder, load_config
from salseg.engine.named_weights import find_checkpoint
from salseg.engine.runner import SalRunner, device_line
from salseg.engine.sets import skip_absent
from salseg.engine.train import prepare
from salseg.errors import CheckpointError
from salseg.releases import Release


def test(
    model: str,
    checkpoint: str | None = None,
    options: Mapping[str, Any] | list[str] | None = None,
    work_dir: str | None = None,
    launcher: str = 'none',
    releases: Sequence[Release] = (),
) -> dict[str, float]:
    """Test a checkpoint on the test sets of a config; those that are not here are left out, and the table says so.

    Args:
        model: Name, config file, run's folder, or published weights.
        checkpoint: File, folder of a run, or published weights; None where ``model`` brings its own: published weights, a
            run's folder, or a model whose weights come with the package.
        options: Overrides of the config.
        work_dir: Folder for logs and results; by default ``test`` beside the checkpoint, of weights that came from elsewhere
            ``work_dirs/<name>/test``.
        launcher: What started the processes.
        releases: What is known of published sets.

    Returns:
        Metrics by name, as printed.

    Raises:
        DataError: No test set is here, or one that is cannot be read.
        ConfigError, CheckpointError: As in :func:`train`.
    """
    model, file, folder = _tested(model, checkpoint)
    config = load_config(model, options, weights=file)
    skipped = skip_absent(config, model, releases)
    # A folder below the run's: a config beside the run's own would make it ambiguous which one the run used.
    prepare(config, str(work_dir or folder), launcher, amp=False)
    config.load_from = file
    # What is tested is all from the file; a start of a training need not be.
    config.load_partial = False
    runner = SalRunner.from_cfg(config)
    runner.logger.info(device_line())
    for text in skipped:
        runner.logger.warning(f'left out: {text}')
    return runner.test()


def _tested(model: str, checkpoint: str | None) -> tuple[str, str, Path]:
    """Model, file of weights, and the folder for results."""
    name = checkpoint or model
    published = is_published_name(name) and not Path(name).exists()
    model, file = find_checkpoint(model, checkpoint)
    if file is None and is_run_folder(model):
        file = model
    if file is None:
        shipped = shipped_weights(model)
        if shipped is None:
            raise CheckpointError(
                f'{model} brings no weights to test: name a checkpoint or the folder of a run behind it, or published weights '
                '(`salseg weights list`).'
            )
        file, published, name = str(shipped), True, model
    if Path(file).is_dir():
        file = newest_checkpoint(file)
    return model, file, Path('work_dirs') / name / 'test' if published else Path(file).parent / 'test'
