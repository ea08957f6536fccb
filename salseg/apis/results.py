"""The folder of results: what is where, whose results they are, and which of them are there already."""

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from salseg.apis.kinds import InputType
from salseg.apis.predictor import Prediction, Predictor
from salseg.engine.pseudo_labels import fingerprint
from salseg.errors import DataError
from salseg.io.images import write_png
from salseg.version import __version__
from salseg.visualization import cutout, overlay_map

RECORD = 'run.json'
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
# What two runs into one folder must have in common, in words.
_COMPARED = {
    'model': 'network',
    'weights': 'weights',
    'preprocessing': 'preprocessing',
    'window': 'images run together',
    'video': 'video',
}
_TEMPORARY = re.compile(r'^\..+\.\d+\.tmp$')


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
        kinds: What is saved, see :func:`checked_kinds`.
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
        self.since = 0

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
        return [write_png(self.path(kind, name), MAKERS[kind](prediction), durable=False) for kind in self.images]

    def is_done(self, name: str | Path, sources: Iterable[Path] = ()) -> bool:
        """Whether all results of a name are there, whole, and newer than what they were made from."""
        return all(self.is_fresh(path, sources) for path in self.paths(name))

    def is_fresh(self, path: Path, sources: Iterable[Path] = ()) -> bool:
        """Whether a result is whole, made by this run's model and newer than its sources.

        A source's change of status counts too: a file that was moved to the place of another may have any time.
        """
        try:
            made = path.stat().st_mtime_ns
            changed = [max(stat.st_mtime_ns, stat.st_ctime_ns) for stat in (os.stat(source) for source in sources)]
            fresh = made > self.since and made >= max(changed, default=0)
            return fresh and (path.suffix != '.png' or _is_whole(path))
        except OSError:
            return False

    def open(
        self,
        description: Mapping[str, Any],
        targets: Iterable[Path],
        overwrite: bool = False,
        shard: tuple[int, int] = (0, 1),
    ) -> None:
        """Begin a run, or resume one.

        Args:
            description: What decides the results, see :func:`describe`.
            targets: Files that will be written.
            overwrite: Replace the results of another model, or files that no record tells of.
            shard: Of this process, (k, n) counted from 0.

        Raises:
            DataError: The folder holds another model's results, or files that salseg did not write.
        """
        shared = shard[1] > 1
        if overwrite and shared:
            raise DataError('--overwrite with --shard: one shard would undo the others. Choose another --out.')
        found = self._read()
        if overwrite:
            (self.out / RECORD).unlink(missing_ok=True)
        elif found is None:
            foreign = next((path for path in targets if path.exists()), None)
            # Another shard may have begun since.
            found = self._read() if foreign is not None else None
            if foreign is not None and found is None:
                raise DataError(
                    f'{foreign} exists, and no {RECORD} in {self.out} says that salseg wrote it. Choose another --out, or '
                    'allow its replacement: --overwrite, in Python overwrite=True.'
                )
        if found is not None and not overwrite:
            self._compare(found, description)
        found = self._create(description)
        self._compare(found, description)
        self.since = int(found['since'])
        if not shared:
            self._sweep()

    def _read(self) -> dict[str, Any] | None:
        path = self.out / RECORD
        try:
            record = json.loads(path.read_text(encoding='utf-8'))
            int(record['since'])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f'{path} is no record of results ({error!r}). Delete it or choose another --out.'
            ) from error
        return record

    def _compare(self, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
        changed = [words for key, words in _COMPARED.items() if found.get(key) != wanted.get(key)]
        if changed:
            raise DataError(
                f'{self.out} holds results of another run, with other {" and ".join(changed)}: made with '
                f'{_words(found)}, now requested with {_words(wanted)}. Choose another --out, or allow their replacement: '
                '--overwrite, in Python overwrite=True.'
            )

    def _create(self, description: Mapping[str, Any]) -> dict[str, Any]:
        """Write the record unless another shard was faster; what the record says."""
        path = self.out / RECORD
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
            temporary.touch()
            # The file system's own clock, as that of the results; it moves on in steps, and what is written from here on
            # must be newer than what was there.
            since = temporary.stat().st_mtime_ns
            while temporary.stat().st_mtime_ns <= since:
                time.sleep(0.001)
                temporary.touch()
            facts = {**description, 'salseg': __version__, 'since': since}
            temporary.write_text(json.dumps(facts, indent=1) + '\n', encoding='utf-8')
            with contextlib.suppress(OSError):
                os.link(temporary, path)
            if not path.exists():
                # A file system without links; shards started in the same moment may then do an image twice.
                os.replace(temporary, path)
            temporary.unlink(missing_ok=True)
        except OSError as error:
            raise DataError(f'{path} cannot be written: {error}. Free some space or choose another --out.') from error
        return self._read() or {}

    def _sweep(self) -> None:
        """Remove what a killed process was writing."""
        for folder in [self.out, *(self.out / kind for kind in self.kinds)]:
            if folder.is_dir():
                for path in folder.rglob('.*.tmp') if folder != self.out or self.flat else folder.glob('.*.tmp'):
                    if _TEMPORARY.match(path.name):
                        path.unlink(missing_ok=True)


def describe(predictor: Predictor, **further: Any) -> dict[str, Any]:
    """What decides a predictor's maps, as plain values: network, weights, preprocessing."""
    model = predictor.model
    spec = model.cfg.get('model') or {}
    plain = _without(dict(spec), ('losses', 'extra_passes', 'weights', 'norm_eval', 'frozen_stages'))
    return dict(
        model=f'{type(model).__name__} {hashlib.sha256(repr(plain).encode()).hexdigest()[:16]}',
        weights=fingerprint(model),
        weights_source=None if model.weights_source is None else str(model.weights_source),
        preprocessing=[json.dumps(step, sort_keys=True, default=str) for step in predictor.pipeline],
        **further,
    )


def _words(facts: Mapping[str, Any]) -> str:
    video = f', {facts["video"]}' if 'video' in facts else ''
    return f'weights {facts.get("weights")} ({facts.get("weights_source") or "random"}){video}'


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


def read_note(path: Path) -> dict[str, Any]:
    """A small JSON record beside results, empty if there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
