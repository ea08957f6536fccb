"""The folder of results: what is where, whose results they are, and which of them are there already."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from salseg.apis.predictor import Prediction, Predictor
from salseg.errors import DataError
from salseg.io.files import remove_leftovers
from salseg.io.images import write_png
from salseg.io.record import FILE_NAME, REPLACE, FileMark, RunRecord, Weights, begin, write_record
from salseg.models import BaseSegmentor
from salseg.ops.fingerprint import weights_fingerprint
from salseg.structures import InputType
from salseg.visualization import cutout, overlay_map

# What is written of each image, and how it is made.
MAKERS: Mapping[str, Callable[[Prediction], np.ndarray]] = {
    'mask': lambda prediction: prediction.saliency,
    'overlay': lambda prediction: overlay_map(prediction.image, prediction.saliency),
    'cutout': lambda prediction: cutout(prediction.image, prediction.saliency, prediction.alpha),
}
SAVES: Mapping[InputType, tuple[str, ...]] = {
    'image': (*MAKERS, 'report'),
    'group': (*MAKERS, 'report'),
    'clip': (*MAKERS, 'video', 'report'),
}


def checked_kinds(save: Iterable[str], kind: InputType) -> tuple[str, ...]:
    """What is to be saved; a report brings the masks that it is made from.

    Raises:
        DataError: Nothing, or something that there is not for such inputs.
    """
    kinds = tuple(dict.fromkeys(save))
    if 'video' in kinds and kind != 'clip':
        raise DataError(
            '--save video: single images make no video. Give a video file, a camera, or a folder of frames to a model '
            'on clips; of images there is --save overlay.'
        )
    unknown = [name for name in kinds if name not in SAVES[kind]]
    if unknown or not kinds:
        raise DataError(f'--save {",".join(kinds)}: expected some of {", ".join(SAVES[kind])}.')
    return kinds if 'mask' in kinds or 'report' not in kinds else ('mask', *kinds)


class ResultFolder:
    """Files of results by name, written under a temporary name and renamed.

    Args:
        out: The folder; ``<out>/<kind>/<name>.png``, or ``<out>/<name>.png`` if masks are all and ``flat``.
        kinds: What is saved, see `checked_kinds`.
        flat: Whether masks may lie in the folder itself.

    Raises:
        DataError: A file has that name.
    """

    def __init__(self, out: str | Path, kinds: Sequence[str], flat: bool = True) -> None:
        self.out = Path(out)
        if self.out.exists() and not self.out.is_dir():
            raise DataError(f'{self.out} is a file; expected a folder for the results. Choose another --out.')
        self.kinds = tuple(kinds)
        self.images = tuple(kind for kind in kinds if kind in MAKERS)
        self.flat = flat and self.images == ('mask',)
        self.record = RunRecord('predict')
        self.shared = False
        self._results: set[Path] = set()

    def path(self, kind: str, name: str | Path) -> Path:
        """File of a result."""
        folder = self.out if self.flat else self.out / kind
        return folder / f'{name}.png'

    def paths(self, name: str | Path) -> list[Path]:
        """Files of all kinds of a name."""
        return [self.path(kind, name) for kind in self.images]

    def write(self, prediction: Prediction, name: str | Path) -> list[Path]:
        """Write all kinds of an image."""
        # Not synced: that takes longer than a small network, and a file that a loss of power emptied is made again.
        paths = [write_png(self.path(kind, name), MAKERS[kind](prediction), durable=False) for kind in self.images]
        self._results.update(paths)
        return paths

    def is_done(self, name: str | Path, sources: Iterable[Path] = ()) -> bool:
        """Whether all results of a name are there, whole, and newer than what they were made from."""
        return all(self.is_fresh(path, sources) for path in self.paths(name))

    def is_fresh(self, path: Path, sources: Iterable[Path] = ()) -> bool:
        """Whether a result is whole, made by this run's model and newer than its sources.

        A source's change of status counts too: a file that was moved to the place of another may have any time.

        Raises:
            DataError: It is whole, and not as a run that was finished left it: somebody may want to keep it.
        """
        try:
            made = path.stat().st_mtime_ns
            if path.suffix == '.png' and not _is_whole(path):
                return False
            self._refuse_changed(path)
            changed = [max(stat.st_mtime_ns, stat.st_ctime_ns) for stat in (os.stat(source) for source in sources)]
        except OSError:
            return False
        fresh = made > self.record.since and made >= max(changed, default=0)
        if fresh:
            self._results.add(path)
        return fresh

    def _refuse_changed(self, path: Path) -> None:
        mark = self.record.outputs.get(self._name(path))
        if mark is not None and self._mark(path).digest != mark.digest:
            raise DataError(f'{path} was changed since salseg wrote it, so it is kept as it is. {REPLACE}')

    def _name(self, path: Path) -> str:
        return path.relative_to(self.out).as_posix()

    def _mark(self, path: Path) -> FileMark:
        """Mark of a result; it is read where its size or time is not that of the record."""
        old, now = self.record.outputs.get(self._name(path)), FileMark.of(path)
        same = old is not None and (old.size, old.mtime_ns) == (now.size, now.mtime_ns)
        return old if old is not None and same else FileMark.of(path, content=True)

    def open(
        self,
        wanted: RunRecord,
        targets: Iterable[Path],
        overwrite: bool = False,
        shard: tuple[int, int] = (0, 1),
    ) -> None:
        """Begin a run, or resume one; ``record`` is then what the folder's record says.

        Args:
            wanted: What decides the results, see `describe`.
            targets: Files that will be written.
            overwrite: Replace the results of another model, or files that no record tells of.
            shard: Of this process, (k, n) counted from 0.

        Raises:
            DataError: The folder holds another model's results, or files that salseg did not write.
        """
        self.shared = shard[1] > 1
        if overwrite and self.shared:
            raise DataError('--overwrite with --shard: one shard would undo the others. Choose another --out.')
        if overwrite:
            self._forget()
        elif not (self.out / FILE_NAME).exists():
            self._refuse_foreign(targets)
        self.record = begin(self.out, wanted, REPLACE, self.shared)
        if not self.shared:
            for folder in [self.out, *(self.out / kind for kind in self.kinds)]:
                remove_leftovers(folder, below=folder != self.out or self.flat)

    def _forget(self) -> None:
        try:
            (self.out / FILE_NAME).unlink(missing_ok=True)
        except OSError as error:
            raise DataError(f'{self.out / FILE_NAME} cannot be removed: {error}. Choose another --out.') from error

    def _refuse_foreign(self, targets: Iterable[Path]) -> None:
        foreign = next((path for path in targets if path.exists()), None)
        # Another shard may have begun since.
        if foreign is not None and not (self.out / FILE_NAME).exists():
            raise DataError(
                f'{foreign} exists, and no {FILE_NAME} in {self.out} says that salseg wrote it. Choose another --out, or '
                'allow its replacement: --overwrite, in Python overwrite=True.'
            )

    def finish(self, **result: Any) -> None:
        """Record that all is there. One shard of several does not know that."""
        if not self.shared:
            self.record.state, self.record.result = 'done', result
            self.record.outputs |= {self._name(path): self._mark(path) for path in self._results if path.is_file()}
            write_record(self.out, self.record)


def describe(predictor: Predictor, **further: Any) -> RunRecord:
    """What decides a predictor's maps: network, weights, preprocessing, and ``further`` settings."""
    model = predictor.model
    preprocessing = [as_text(step) for step in predictor.pipeline]
    return describe_network('predict', model, model.cfg.get('model') or {}, preprocessing=preprocessing, **further)


def describe_network(command: str, model: BaseSegmentor, spec: Mapping[str, Any], **settings: Any) -> RunRecord:
    """The record of what a network makes: its config ``spec`` without what training alone needs, weights, ``settings``."""
    plain = _without(dict(spec), ('losses', 'extra_passes', 'weights', 'norm_eval', 'frozen_stages'))
    network = f'{type(model).__name__} {hashlib.sha256(repr(plain).encode()).hexdigest()[:16]}'
    weights = Weights(weights_fingerprint(model), str(model.weights_source or ''))
    if model.prediction_dtype is not None:
        settings['precision'] = str(model.prediction_dtype).removeprefix('torch.')
    return RunRecord(command, dict(network=network, **settings), weights)


def as_text(node: Any) -> str:
    """A part of a config as one text, which is the same for equal parts."""
    return json.dumps(node, sort_keys=True, default=str)


def _without(node: Any, keys: Sequence[str]) -> Any:
    if isinstance(node, Mapping):
        return {str(key): _without(value, keys) for key, value in sorted(node.items()) if key not in keys}
    if isinstance(node, list | tuple):
        return [_without(value, keys) for value in node]
    return node


def _is_whole(path: Path) -> bool:
    with path.open('rb') as file:
        head = file.read(8)
        file.seek(max(0, path.stat().st_size - 8))
        return head[:4] == b'\x89PNG' and file.read(4) == b'IEND'
