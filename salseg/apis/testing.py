"""What a test leaves besides its table: files of its predictions, reports on them, the zip for a server."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process

from salseg.apis.set_files import LOGS, REPORTS, SetFiles, stem_of
from salseg.apis.submissions import form_of, write_submission
from salseg.datasets.base import SetDataset
from salseg.datasets.prompted_videos import PromptedVideos
from salseg.engine.test import predict_sets, test
from salseg.errors import ConfigError
from salseg.evaluation.evaluate import Settings
from salseg.evaluation.folders import Tree
from salseg.io.listing import in_order
from salseg.releases import Release
from salseg.visualization.report import evaluate_and_report


@dataclass(frozen=True)
class SavedTest:
    """What a test or a prediction of test sets left.

    Attributes:
        metrics: By name; none for a prediction.
        folders: Of the predictions, by set.
        pages: Of the reports.
        submission: The zip for a server.
    """

    metrics: Mapping[str, float]
    folders: Mapping[str, Path]
    pages: Sequence[Path] = ()
    submission: Path | None = None


def test_and_save(
    model: str,
    checkpoint: str | None,
    out: str | Path,
    options: Mapping[str, Any] | list[str] | None = None,
    work_dir: str | None = None,
    launcher: str = 'none',
    releases: Sequence[Release] = (),
    overwrite: bool = False,
    submission: str | None = None,
    protocols: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> SavedTest:
    """Test a checkpoint and keep what it predicts: see `SetFiles` for the files, which `salseg evaluate` scores alike.

    A call that was killed is resumed when it is repeated: batches (of trackers: videos) whose files are there are read, not
    computed, and scored from them, which gives the same numbers.

    Args:
        model, checkpoint, options, work_dir, launcher, releases, protocols, columns: See `salseg.engine.test.test`.
        out: Folder for predictions and reports.
        overwrite: Replace the results of another run.
        submission: Form of a server's zip, see `write_submission`; written as ``<out>/<form>.zip``.

    Raises:
        ConfigError, CheckpointError, DataError: As the test; the folder holds another run's results; labels that the server
            would refuse.
    """
    if submission is not None:
        form_of(submission)
    files = SetFiles(out, 'test', overwrite)
    metrics = test(model, checkpoint, options, work_dir, launcher, releases, protocols, columns, files)
    files.finish(metrics)
    return SavedTest(
        metrics, files.folders(), write_reports(files), None if submission is None else write_zip(files, submission)
    )


def predict_dataset(
    model: str,
    dataset: str,
    out: str | Path,
    checkpoint: str | None = None,
    options: Sequence[str] = (),
    launcher: str = 'none',
    releases: Sequence[Release] = (),
    overwrite: bool = False,
    batch_size: int | None = None,
) -> SavedTest:
    """Predict the test sets of a config as a test does: with the set's own pipeline, mean and deviation.

    The files are those of :func:`test_and_save`, byte for byte at the same batch size and number of threads.

    Args:
        model: Name, config file or run's folder.
        dataset: The same for the config with the sets; ``CONFIG:SET`` for one of them.
        out: Folder for the predictions.
        checkpoint: Weights; by default those of the run's folder, or that the model brings.
        options, launcher, releases, batch_size: See `salseg.engine.test.predict_sets`.
        overwrite: Replace the results of another run.

    Raises:
        ConfigError, CheckpointError, DataError: As :func:`test_and_save`; there are no weights, or no such set.
    """
    files = SetFiles(out, 'predict', overwrite)
    logs = str(files.out / LOGS)
    predict_sets(model, dataset, checkpoint, files, options, logs, launcher, releases, batch_size)
    files.finish({})
    return SavedTest({}, files.folders())


def write_reports(files: SetFiles, worst: int = 12) -> list[Path]:
    """Write the report of each set that was scored: tables, CSV, curves, page; the scores are those of the pass.

    Returns:
        The pages. A set whose truth is no file, or several for a frame, has none.
    """
    if not files.metrics or not is_main_process():
        return []
    metric = files.metrics[0]
    settings = Settings(allow_extra=True)
    pages = []
    for name, dataset in files.sets.items():
        truth, images = truth_trees(dataset)
        if not truth.files:
            continue
        for number, (rules, known) in enumerate(metric.reports(name)):
            out = files.out / REPORTS / name / (rules.name if number else '')
            evaluate_and_report({name: files.out / name}, truth, rules, out, settings, images, worst, known=known)
            pages.append(out / 'index.html')
    return pages


def write_zip(files: SetFiles, form: str) -> Path | None:
    """Write the zip of a server; the first process alone does.

    Raises:
        ConfigError: There is not one test set of tracked objects.
        DataError: The labels are not what the server takes.
    """
    if not is_main_process():
        return None
    found = [(name, part) for name, part in files.sets.items() if isinstance(part, PromptedVideos)]
    if len(found) != 1:
        raise ConfigError(f'--submission {form}: {len(found)} test sets of tracked objects; expected one.')
    name, dataset = found[0]
    path = files.out / f'{form}.zip'
    return write_submission(form, files.out / name, dataset.videos, path, dataset.merge_objects)


def truth_trees(dataset: SetDataset) -> tuple[Tree, Tree]:
    """Ground truth and images of a data set by the names of its predictions; empty where they are no files of their own."""
    truth: dict[str, str] = {}
    images: dict[str, str] = {}
    if isinstance(dataset, PromptedVideos):
        if any(
            video.encoding == 'binary' and len(files) > 1 for video in dataset.videos for files in video.labels.values()
        ):
            return Tree(Path(), {}), Tree(Path(), {})
        for video in dataset.videos:
            stems = {frame: stem_of(dataset, video.name, frame) for frame in video.frames}
            truth |= {stems[frame]: str(video.labels[frame][0]) for frame in video.frames if frame in video.labels}
            images |= {stems[frame]: str(video.images[frame]) for frame in video.frames}
    else:
        for index in range(len(dataset)):
            item = dataset.describe(index)
            for frame, path, label in zip(item['frame_ids'], item['frame_paths'], item['label_paths']):
                stem = stem_of(dataset, str(item['set_id']), str(frame))
                images[stem] = str(path)
                if label is not None:
                    truth[stem] = str(label)
    return _tree(truth), _tree(images)


def _tree(files: Mapping[str, str]) -> Tree:
    paths = {stem: os.path.abspath(files[stem]) for stem in in_order(files)}
    root = Path(os.path.commonpath([os.path.dirname(path) for path in paths.values()])) if paths else Path()
    return Tree(root, {stem: os.path.relpath(path, root) for stem, path in paths.items()})
