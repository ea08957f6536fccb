"""Write the maps of images: of all files and folders that were named, resumable, in shards, or as they arrive."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from salseg.apis.inputs import Named, find_images, unread_files
from salseg.apis.overlapping import Background, map_ahead
from salseg.apis.predicting import SaliencyPredictor, in_batches
from salseg.apis.predictor import seen_prediction
from salseg.apis.results import ResultFolder, checked_kinds, describe
from salseg.errors import DataError
from salseg.io.annotations import read_map
from salseg.io.images import read_visible
from salseg.visualization.report.predictions import PAGE_IMAGES, Entry, write_prediction_page

REPORT = 'report.html'


@dataclass
class FilesReport:
    """What a run over images did.

    Attributes:
        images: Predicted.
        files: Written.
        kept: Images whose results were there already.
        failed: Images that could not be read, with the reason; the others were not held up by them.
        unread: Files in the folders that are no images, or of a format that is not read.
        page: The report, if one was requested.
    """

    images: int = 0
    files: int = 0
    kept: int = 0
    failed: dict[Path, str] = field(default_factory=dict)
    unread: list[Path] = field(default_factory=list)
    page: Path | None = None


def predict_files(
    predictor: SaliencyPredictor,
    inputs: Iterable[str | Path],
    out: str | Path,
    save: Sequence[str] = ('mask',),
    batch_size: int = 1,
    progress: Callable[[int, int], None] | None = None,
    overwrite: bool = False,
    shard: tuple[int, int] = (0, 1),
) -> FilesReport:
    """Predict all images of files, folders or globs, and write the results.

    Images are read by threads while the network computes and another thread writes; a few of each wait in memory. A call
    that was killed is resumed when it is repeated: what is there, whole, newer than its image and made by the same
    model is kept.

    Args:
        predictor: The model.
        inputs: What the user named.
        out: Folder; results go to ``<out>/<kind>/<name>.png``, or ``<out>/<name>.png`` when only masks are requested.
        save: Kinds out of 'mask', 'overlay', 'cutout', 'report'.
        batch_size: Images per forward pass.
        progress: Called with images done and to be done, after the files of an image were written.
        overwrite: Replace the results of another model, or files that salseg did not write.
        shard: Images that this process does, (k, n) counted from 0: every n-th.

    Returns:
        Counts, and what could not be read.

    Raises:
        DataError: Nothing was found, an unknown kind, the folder holds results of another model or cannot be written.
    """
    folder = ResultFolder(out, checked_kinds(save, 'image'))
    words = [Path(text) for text in inputs]
    check_place(folder, words)
    images = find_images(words, outside=folder.out)[shard[0] :: shard[1]]
    check_targets(folder, images)
    folder.open(describe(predictor), (p for _, name in images for p in folder.paths(name)), overwrite, shard)
    report = _run(predictor, images, folder, batch_size, progress)
    folder.finish(failed={str(name): report.failed[path] for path, name in images if path in report.failed})
    report.unread = unread_files(words, folder.out) if shard[0] == 0 else []
    if 'report' in folder.kinds:
        report.page = write_report(folder, [(str(name), path) for path, name in images], shard)
    return report


def check_place(folder: ResultFolder, inputs: Sequence[Path]) -> None:
    """Results may not lie among the images themselves.

    Raises:
        DataError: The folder for the results is a folder of images that was named.
    """
    for path in inputs:
        if path.is_dir() and path.resolve() == folder.out.resolve():
            raise DataError(f'--out {folder.out} is the folder of the images; choose another for the results.')


def check_targets(folder: ResultFolder, images: Sequence[Named]) -> None:
    """No result may take the place of the image that it is made from.

    Raises:
        DataError: Names the image.
    """
    for path, name in images:
        for target in folder.paths(name):
            if path.name == target.name and target.exists() and target.samefile(path):
                raise DataError(f'the results of {path} would take its place; choose another --out.')


def _run(
    predictor: SaliencyPredictor,
    images: Sequence[Named],
    folder: ResultFolder,
    batch_size: int,
    progress: Callable[[int, int], None] | None,
) -> FilesReport:
    todo = [(path, name) for path, name in images if not folder.is_done(name, [path])]
    report = FilesReport(kept=len(images) - len(todo))
    done = 0

    def finished(files: list[Path] | None) -> None:
        nonlocal done
        done += 1
        if files is not None:
            report.images += 1
            report.files += len(files)
        if progress is not None:
            progress(done, len(todo))

    def load(item: Named) -> tuple[Named, tuple[np.ndarray, np.ndarray | None] | None, Any]:
        try:
            image, alpha = read_visible(item[0])
        except DataError as error:
            return item, None, str(error)
        return item, (image, alpha), predictor.prepare(image)

    loaded = map_ahead(load, todo, workers=2, ahead=batch_size + 3)
    with Background(workers=1, ahead=batch_size + 3) as writing:
        for batch in in_batches(loaded, batch_size):
            readable = [entry for entry in batch if entry[1] is not None]
            maps = iter(predictor.run([item for _, _, item in readable]) if readable else [])
            for (path, name), image, reason in batch:
                if image is None:
                    report.failed[path] = reason
                    writing.submit(_nothing, then=finished)
                else:
                    (saliency,) = next(maps)
                    prediction = seen_prediction(image[0], saliency, image[1])
                    writing.submit(folder.write, prediction, name, then=finished)
    return report


def _nothing() -> None:
    """An image that could not be read is counted in its turn."""


def watch_files(
    predictor: SaliencyPredictor,
    inputs: Iterable[str | Path],
    out: str | Path,
    save: Sequence[str] = ('mask',),
    batch_size: int = 1,
    overwrite: bool = False,
    every: float = 1.0,
    seen: Callable[[FilesReport], None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Predict images as they arrive, until a KeyboardInterrupt.

    A file is read when two looks at it find the same size and time: one that is still being written is left alone. One
    that cannot be read is named once, and tried again when it has changed.

    Args:
        predictor: The model.
        inputs: Folders or patterns; they may be empty yet.
        out, save, batch_size, overwrite: See `predict_files`.
        every: Seconds between two looks.
        seen: Called after each round that found something.
        sleep: Waits that long.

    Raises:
        DataError: See `predict_files`; a report cannot be requested.
    """
    folder = ResultFolder(out, checked_kinds(save, 'image'))
    if 'report' in folder.kinds:
        raise DataError('--watch has no end, so there is no report; run again without --watch, which writes only that.')
    words = [Path(text) for text in inputs]
    check_place(folder, words)
    now = find_images(words, folder.out, may_be_empty=True)
    check_targets(folder, now)
    folder.open(describe(predictor), (p for _, name in now for p in folder.paths(name)), overwrite)
    looks: dict[Path, tuple[int, int] | None] = {}
    refused: dict[Path, tuple[int, int] | None] = {}
    while True:
        ready = []
        found = find_images(words, folder.out, may_be_empty=True)
        for path, name in found:
            look = _look(path)
            if look is not None and looks.get(path) == look and refused.get(path) != look:
                ready.append((path, name))
            looks[path] = look
        report = _run(predictor, ready, folder, batch_size, None)
        refused |= {path: looks[path] for path in report.failed}
        # What is no longer there takes no room.
        there = {path for path, _ in found}
        looks = {path: look for path, look in looks.items() if path in there}
        if seen is not None and (report.images or report.failed):
            seen(report)
        sleep(every)


def _look(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


def write_report(folder: ResultFolder, entries: Sequence[tuple[str, Path]], shard: tuple[int, int] = (0, 1)) -> Path:
    """One page with the images and what was found in them, from the masks in the folder.

    Args:
        folder: The results.
        entries: Name of the results and image.
        shard: See `predict_files`.

    Raises:
        DataError: It is requested by one shard of several.
    """
    if shard[1] > 1:
        raise DataError(
            '--save report with --shard: a shard has not all images. Run once more without --shard when all are done; '
            'results are kept, and only the page is written.'
        )

    def load(entry: tuple[str, Path]) -> Entry | None:
        mask = folder.path('mask', entry[0])
        if not mask.is_file():
            return None
        return Entry(entry[0], read_visible(entry[1])[0], read_map(mask))

    shown = (entry for entry in map_ahead(load, entries[:PAGE_IMAGES]) if entry is not None)
    return write_prediction_page(shown, len(entries), folder.out / REPORT)
