"""The data set that generated annotations become, with a record of what made them."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from mmengine.dist import is_main_process

from salseg.datasets.provenance import FILE_NAME, Provenance, read_provenance
from salseg.datasets.video_layout import LAYOUTS
from salseg.engine.sharding import united
from salseg.errors import ConfigError, DataError
from salseg.files import replacing, write_text
from salseg.visualization import write_png

_IMAGES, _LABELS = LAYOUTS['davis']


class PseudoLabelWriter:
    """The door through which every generated annotation goes, whatever made it.

    The folder has the layout of DAVIS, ``JPEGImages/<video>`` and ``Annotations/<video>/<frame>.png``, and a provenance
    file. Files appear under their names only when complete; a video is listed in the provenance when all of its are there.

    Args:
        out: Folder of the data set to write.
        model: What makes the labels, for the provenance.
        source: What they are made from, likewise.
        encoding: Of kept truth.
        images: 'link' the folders of frames, 'copy' them, or 'none'.

    Raises:
        ConfigError: ``images`` is none of these.
        DataError: The folder holds labels that were made otherwise, or something else.
    """

    def __init__(
        self,
        out: str | os.PathLike,
        model: Mapping[str, Any],
        source: Mapping[str, Any],
        encoding: str = 'binary',
        images: Literal['link', 'copy', 'none'] = 'link',
    ) -> None:
        if images not in ('link', 'copy', 'none'):
            raise ConfigError(f"images={images!r}; expected 'link', 'copy' or 'none'.")
        self.out, self.images = Path(out), images
        wanted = Provenance(dict(model), dict(source), encoding)
        found = read_provenance(self.out)
        if found is None:
            self._must_be_empty()
        elif (found.model, found.source, found.encoding) != (wanted.model, wanted.source, wanted.encoding):
            raise DataError(
                f'{self.out} holds labels that were made otherwise:\n'
                + '\n'.join(_differences(found, wanted))
                + '\n  Choose another folder, or delete this one.'
            )
        self.provenance = found or wanted
        self.out.mkdir(parents=True, exist_ok=True)
        self._save()

    def _must_be_empty(self) -> None:
        if self.out.exists() and (not self.out.is_dir() or any(self.out.iterdir())):
            raise DataError(
                f'{self.out} exists and holds no labels of salseg; choose a new folder for the pseudo-labels.'
            )

    def _save(self) -> None:
        if is_main_process():
            write_text(self.out / FILE_NAME, self.provenance.text())

    def unite(self) -> None:
        """Put together what the processes of a distributed run have listed."""
        self.provenance.kept, self.provenance.made = united(self.provenance.kept), united(self.provenance.made)
        self._save()

    def is_done(self, video: str) -> bool:
        """Whether a video is complete."""
        return video in self.provenance.made

    def path(self, video: str, frame: str, suffix: str = '.png') -> Path:
        """File of an annotation."""
        return self.out / _LABELS.format(video=video) / f'{frame}{suffix}'

    def keep(self, video: str, frame: str, truth: Path) -> Path:
        """Copy an annotation byte for byte."""
        target = self.path(video, frame, truth.suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as temporary:
            shutil.copyfile(truth, temporary)
        return target

    def write(self, video: str, frame: str, grey: np.ndarray) -> Path:
        """Write a soft annotation, (H, W) uint8, probability times 255."""
        return write_png(self.path(video, frame), grey)

    def finish(self, video: str, kept: list[str], made: list[str], frames: Path | None = None) -> None:
        """List a video as complete.

        Args:
            video: Its name.
            kept: Frames with copied truth; made: frames with generated labels.
            frames: Folder of its frames, to be linked or copied.
        """
        if frames is not None and self.images != 'none':
            target = self.out / _IMAGES.format(video=video)
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists() and not target.is_symlink():
                if self.images == 'link':
                    target.symlink_to(frames.resolve(), target_is_directory=True)
                else:
                    shutil.copytree(frames, target)
        self.provenance.kept[video], self.provenance.made[video] = sorted(kept), sorted(made)
        self._save()


def _differences(found: Provenance, wanted: Provenance) -> Iterator[str]:
    for part in ('model', 'source'):
        old, new = getattr(found, part), getattr(wanted, part)
        for key in sorted({*old, *new}):
            if old.get(key) != new.get(key):
                yield f'  {part}.{key}: {old.get(key)!r} there, {new.get(key)!r} now'
    if found.encoding != wanted.encoding:
        yield f'  encoding: {found.encoding!r} there, {wanted.encoding!r} now'
