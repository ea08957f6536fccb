"""Test a checkpoint on the test sets of a config, or predict those of another one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from salseg.catalog import is_published_name, shipped_weights
from salseg.engine.checkpoint import newest_checkpoint
from salseg.engine.config import is_run_folder, load_config
from salseg.engine.config.check import check_config
from salseg.engine.config.loading import parse_options
from salseg.engine.evaluators import choose_protocols
from salseg.engine.loops import MeasuredTestLoop, PassSink
from salseg.engine.named_weights import find_checkpoint
from salseg.engine.runner import SalRunner, device_line
from salseg.engine.sets import skip_absent
from salseg.engine.train import prepare
from salseg.errors import CheckpointError, ConfigError
from salseg.models.layers import for_inference
from salseg.releases import Release


def test(
    model: str,
    checkpoint: str | None = None,
    options: Mapping[str, Any] | list[str] | None = None,
    work_dir: str | None = None,
    launcher: str = 'none',
    releases: Sequence[Release] = (),
    protocols: Sequence[str] = (),
    columns: Sequence[str] = (),
    sink: PassSink | None = None,
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
        protocols, columns: Those of the config where none are named, see `salseg.engine.evaluators.choose_protocols`.
        sink: Gets the predictions.

    Returns:
        Metrics by name, as printed.

    Raises:
        UnknownName: There is no such protocol or column.
        DataError: No test set is here, or one that is cannot be read.
        ConfigError, CheckpointError: As in :func:`train`.
    """
    if protocols or columns:
        # A wrong name is said before weights are looked for.
        named = model.partition('@')[0] if is_published_name(model) else model
        choose_protocols(load_config(named, options), protocols, columns)
    model, file, folder = find_tested(model, checkpoint)
    config = load_config(model, options, weights=file)
    choose_protocols(config, protocols, columns)
    # A folder below the run's: a config beside the run's own would make it ambiguous which one the run used.
    return _run(config, model, file, str(work_dir or folder), launcher, releases, sink)


def predict_sets(
    model: str,
    dataset: str,
    checkpoint: str | None,
    sink: PassSink,
    options: Sequence[str] = (),
    work_dir: str = 'work_dirs/predict',
    launcher: str = 'none',
    releases: Sequence[Release] = (),
    batch_size: int | None = None,
) -> None:
    """Predict the test sets of a config as a test of that config does, without scoring them.

    Images are prepared by the pipeline of the set, and normalised by its own statistics where it has some.

    Args:
        model: Name, config file or run's folder.
        dataset: The same for the config with the sets; ``CONFIG:SET`` for one of them.
        checkpoint: See :func:`test`.
        sink: Gets the predictions.
        options: Overrides of the model's config; those of ``test_dataloader`` are for the config with the sets.
        work_dir: Folder for logs.
        launcher, releases: See :func:`test`.
        batch_size: Items per forward pass; by default the config's.

    Raises:
        DataError: No set is here, or one that is cannot be read.
        ConfigError: There is no such set, or its items are not what the model takes.
        CheckpointError: The weights do not fit.
    """
    given = parse_options(options)
    about_sets = {key: value for key, value in given.items() if key.startswith('test_dataloader.')}
    model, file, _ = find_tested(model, checkpoint)
    config = load_config(model, {key: value for key, value in given.items() if key not in about_sets}, weights=file)
    name, _, chosen = dataset.rpartition(':') if ':' in dataset and not Path(dataset).exists() else (dataset, '', '')
    source = load_config(name, about_sets)
    if not source.get('test_dataloader'):
        raise ConfigError(f'--dataset {name}: the config has no test_dataloader, so there is no set to predict.')
    config.test_dataloader = source.test_dataloader
    config.test_cfg = dict(type='TestLoop')
    config.test_evaluator = []
    if chosen:
        choose_set(config, name, chosen)
    if batch_size is not None:
        config.test_dataloader.batch_size = batch_size
    check_config(config)
    _run(config, name, file, work_dir, launcher, releases, sink)


def set_name(node: Mapping[str, Any]) -> str:
    """Name of a data set, by its config."""
    return str(node.get('name') or Path(str(node.get('data_root') or '')).name or 'synthetic')


def choose_set(config: Config, source: str, name: str) -> None:
    """Leave one test set in a config, with the pipeline that its concatenation gave it.

    Raises:
        ConfigError: None or several have that name; all names are listed.
    """
    dataset = config.test_dataloader.dataset
    nodes = _sets_of(dataset, dataset.get('pipeline'))
    found = [node for node in nodes if set_name(node) == name]
    if len(found) != 1:
        names = ', '.join(set_name(node) for node in nodes)
        raise ConfigError(f'--dataset {source}:{name}: {len(found)} test sets have that name; there are {names}.')
    config.test_dataloader.dataset = found[0]


def _sets_of(node: Mapping[str, Any], pipeline: Any) -> list[dict[str, Any]]:
    pipeline = node.get('pipeline') or pipeline
    if 'datasets' in node:
        return [found for part in node['datasets'] for found in _sets_of(part, pipeline)]
    return [{**node, 'pipeline': pipeline or []}]


def _run(
    config: Config,
    model: str,
    checkpoint: str,
    work_dir: str,
    launcher: str,
    releases: Sequence[Release],
    sink: PassSink | None,
) -> dict[str, float]:
    skipped = skip_absent(config, model, releases)
    prepare(config, work_dir, launcher, amp=False)
    config.load_from = checkpoint
    # What is tested is all from the file; a start of a training need not be.
    config.load_partial = False
    config.resume = False
    if (config.get('test_cfg') or {}).get('type') == 'TestLoop':
        config.test_cfg.type = 'MeasuredTestLoop'
    if sink is not None:
        # It would write the same labels a second time.
        hooks = [hook for hook in config.get('custom_hooks') or [] if hook.get('type') != 'SaveLabelsHook']
        config.custom_hooks = hooks
    runner = SalRunner.from_cfg(config)
    for_inference(runner.model)
    runner.logger.info(device_line())
    for text in skipped:
        runner.logger.warning(f'left out: {text}')
    loop = runner.test_loop
    if sink is not None and not isinstance(loop, MeasuredTestLoop):
        raise ConfigError(
            f'test_cfg.type is a {type(loop).__name__}, which hands no predictions on; to save them use MeasuredTestLoop.'
        )
    if isinstance(loop, MeasuredTestLoop):
        loop.sink = sink
    return runner.test()


def find_tested(model: str, checkpoint: str | None) -> tuple[str, str, Path]:
    """Model, file of weights, and the folder for results by default.

    Raises:
        CheckpointError, WeightsError: There are no weights.
    """
    name = checkpoint or model
    published = is_published_name(name) and not Path(name).exists()
    model, file = find_checkpoint(model, checkpoint)
    if file is None and is_run_folder(model):
        file = model
    if file is None:
        shipped = shipped_weights(model)
        if shipped is None:
            raise CheckpointError(
                f'{model} brings no weights: name a checkpoint or the folder of a run behind it, or published weights '
                '(`salseg weights list`).'
            )
        file, published, name = str(shipped), True, model
    if Path(file).is_dir():
        file = newest_checkpoint(file)
    return model, file, Path('work_dirs') / name / 'test' if published else Path(file).parent / 'test'
