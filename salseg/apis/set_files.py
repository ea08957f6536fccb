"""Predictions of test sets as files: written as a pass goes, taken from there by an equal later pass."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import barrier, get_dist_info, is_main_process

from salseg.apis.overlapping import Background
from salseg.apis.results import ResultFolder, as_text, describe_network
from salseg.datasets.base import SetDataset
from salseg.datasets.concat import ConcatDataset
from salseg.datasets.prompted_layouts import PromptedVideo
from salseg.datasets.prompted_videos import PromptedVideos
from salseg.engine.loops import MeasuredTestLoop
from salseg.engine.test import set_name
from salseg.errors import ConfigError, DataError
from salseg.evaluation.metrics.base import SetMetric
from salseg.evaluation.metrics.grey import to_grey
from salseg.io.annotations import read_annotation, read_map
from salseg.io.images import write_png
from salseg.structures import SalDataSample
from salseg.visualization.palette import write_label_png

# Below the folder of results, beside the folders of the sets.
REPORTS, LOGS = 'reports', 'logs'


class SetFiles:
    """Predictions of the test sets as files, from which an equal later pass takes what is there.

    Maps go to ``<out>/<set>/<stem>.png`` (images), ``<out>/<set>/<group>/<stem>.png`` or ``<out>/<set>/<video>/<frame>.png``,
    8-bit grey; labels of tracked objects to ``<out>/<set>/<video>/<frame>.png``, palette PNG with the set's ids. Each file is
    whole, and one of a clip or video belongs to the item that counts for its frame.

    Args:
        out: The folder; what `salseg predict` and other runs wrote there is refused.
        command: In the record, 'test' or 'predict'.
        overwrite: Replace the results of another run.

    Raises:
        DataError: A file has that name.
    """

    def __init__(self, out: str | Path, command: str = 'test', overwrite: bool = False) -> None:
        self.folder = ResultFolder(out, ('mask',))
        self.command, self.overwrite = command, overwrite
        self.sets: dict[str, SetDataset] = {}
        self._writing: Background | None = None
        # Whether the files of a video that were there before this pass are complete.
        self._whole: dict[tuple[str, str], bool] = {}
        self._loop: MeasuredTestLoop | None = None

    @property
    def out(self) -> Path:
        """The folder."""
        return self.folder.out

    @contextmanager
    def running(self, runner: Any) -> Iterator[None]:
        """Begin a pass or resume one; all files are there when the block ends.

        Raises:
            ConfigError: Two sets have one name, or one has none.
            DataError: The folder holds results of another run, or files that salseg did not write.
        """
        self._loop, self._whole = runner.test_loop, {}
        self.sets = named_sets(runner.test_loop.dataloader.dataset)
        for metric in runner.test_loop.evaluator.metrics:
            if isinstance(metric, SetMetric):
                metric.add_curves()
        loader = runner.cfg.test_dataloader
        wanted = describe_network(
            self.command,
            runner.bare_model,
            runner.cfg.model,
            batch_size=loader.batch_size,
            sets=_described(loader.dataset),
        )
        rank, processes = get_dist_info()
        targets = (path for name in self.sets for path in (self.out / name).rglob('*.png'))
        if self.overwrite and processes > 1:
            raise DataError('--overwrite with several processes: one would undo the others. Choose another --out.')
        self.folder.open(wanted, targets, self.overwrite, (rank, processes))
        with Background(workers=1, ahead=16) as self._writing:
            yield
        barrier()

    def name(self, sample: SalDataSample, frame: str) -> Path:
        """Name of a frame's file below the folder, without suffix."""
        dataset = self.sets[sample.dataset]
        return Path(dataset.name, stem_of(dataset, str(sample.set_id), frame))

    def kept(self, samples: Sequence[SalDataSample]) -> bool:
        """Whether an earlier pass left all files of a batch; the samples then hold what is in them."""
        if not all(self._is_kept(sample) for sample in samples):
            return False
        for sample in samples:
            self._read(sample)
        return True

    def _is_kept(self, sample: SalDataSample) -> bool:
        dataset = self.sets[sample.dataset]
        if isinstance(dataset, PromptedVideos):
            # A tracker cannot begin in the middle.
            key = dataset.name, str(sample.set_id)
            if key not in self._whole:
                video = next(video for video in dataset.videos if video.name == key[1])
                self._whole[key] = self._is_whole(dataset, video)
            return self._whole[key]
        sources = [Path(path) for path in sample.frame_paths]
        return all(self.folder.is_done(self.name(sample, frame), sources) for frame in _saved(sample))

    def _is_whole(self, dataset: PromptedVideos, video: PromptedVideo) -> bool:
        saved = [frame for frame in video.frames if video.saved is None or frame in video.saved]
        # What is annotated and not saved is scored all the same.
        if any(frame in video.labels and frame not in saved for frame in video.frames):
            return False
        given = [path for frame in video.prompts for path in video.labels.get(frame, ())]
        sources = [*given, *(video.images[frame] for frame in video.frames)]
        names = (Path(dataset.name, stem_of(dataset, video.name, frame)) for frame in saved)
        return all(self.folder.is_done(name, sources) for name in names)

    def _read(self, sample: SalDataSample) -> None:
        saved = set(_saved(sample))
        files = [
            self.folder.path('mask', self.name(sample, str(frame))) if str(frame) in saved else None
            for frame in sample.frame_ids
        ]
        if isinstance(self.sets[sample.dataset], PromptedVideos):
            sample.pred_labels = [
                np.zeros(shape, np.uint8) if file is None else read_annotation(file, 'index')
                for file, shape in zip(files, sample.ori_shapes)
            ]
            return
        sample.pred_maps = [
            torch.zeros(shape) if file is None else torch.from_numpy(read_map(file).astype(np.float32) / 255)
            for file, shape in zip(files, sample.ori_shapes)
        ]

    def take(self, samples: Sequence[SalDataSample]) -> None:
        """Write the predictions of a batch, in a thread."""
        for sample in samples:
            saved = sample.get('saved') or [True] * sample.num_frames
            labels = sample.get('pred_labels')
            for index, frame in enumerate(sample.frame_ids):
                if not saved[index]:
                    continue
                path = self.folder.path('mask', self.name(sample, str(frame)))
                if labels is not None:
                    self._submit(write_label_png, path, np.asarray(labels[index]))
                else:
                    # Here and not in the thread: the tensor may lie on a GPU, and the map is smaller.
                    self._submit(write_png, path, to_grey(sample.pred_maps[index]), False)

    def _submit(self, *call: Any) -> None:
        if self._writing is None:
            raise ConfigError('SetFiles.take outside of SetFiles.running: nothing writes.')
        self._writing.submit(*call)

    def finish(self, metrics: Mapping[str, float]) -> None:
        """Record that all is there, and what was measured; the first process alone does."""
        if self._loop is None or not is_main_process():
            return
        self.folder.shared = False
        self.folder.finish(metrics=_finite(metrics), speed=vars(self._loop.report))

    def folders(self) -> dict[str, Path]:
        """Folders of the predictions by set."""
        return {name: self.out / name for name in self.sets}

    @property
    def metrics(self) -> list[SetMetric]:
        """Metrics of the last pass."""
        found = [] if self._loop is None else self._loop.evaluator.metrics
        return [metric for metric in found if isinstance(metric, SetMetric)]


def _saved(sample: SalDataSample) -> list[str]:
    """Frames of an item whose prediction is the result."""
    saved = sample.get('saved') or [True] * sample.num_frames
    return [str(frame) for frame, wanted in zip(sample.frame_ids, saved) if wanted]


def _finite(metrics: Mapping[str, float]) -> dict[str, float | None]:
    return {name: float(value) if np.isfinite(value) else None for name, value in metrics.items()}


def _described(node: Mapping[str, Any], pipeline: Any = None) -> dict[str, str]:
    """Configs of all sets by name, as text."""
    pipeline = node.get('pipeline') or pipeline
    if 'datasets' not in node:
        return {set_name(node): as_text({**node, 'pipeline': pipeline})}
    return {name: text for part in node['datasets'] for name, text in _described(part, pipeline).items()}


def named_sets(dataset: Any) -> dict[str, SetDataset]:
    """The data sets of a test by name.

    Raises:
        ConfigError: Two have one name, or one's is no name of a folder.
    """
    parts = [dataset]
    for part in parts:
        if isinstance(part, ConcatDataset):
            parts += part.datasets
    found: dict[str, SetDataset] = {}
    for part in parts:
        if isinstance(part, ConcatDataset):
            continue
        if not isinstance(part, SetDataset):
            raise ConfigError(
                f'the test set is a {type(part).__name__}; to save its predictions derive it from SetDataset.'
            )
        name = part.name
        if name in found or not name or name.startswith('.') or '/' in name or name in (REPORTS, LOGS):
            what = 'two test sets are called' if name in found else 'a test set is called'
            raise ConfigError(
                f'{what} {name!r}, and its predictions go to a folder of that name: set name= of the data set '
                f"(not empty, no '/', not {REPORTS} or {LOGS})."
            )
        found[name] = part
    return found


def stem_of(dataset: SetDataset, set_id: str, frame: str) -> str:
    """Relative path of a frame's file, without suffix: its name, or ``<group or video>/<name>``.

    Raises:
        DataError: It leads out of the folder.
    """
    stem = frame if dataset.input_type == 'image' else f'{set_id}/{frame}'
    if os.path.isabs(stem) or '..' in Path(stem).parts:
        raise DataError(f'{dataset.name}: the name {stem!r} leads out of the folder for the results.')
    return stem
