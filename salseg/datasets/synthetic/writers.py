"""Synthetic data on disk, in the layouts in which the real data sets come."""

import hashlib
import inspect
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from salseg.datasets.synthetic.colors import CATEGORIES
from salseg.datasets.synthetic.draws import VERSION
from salseg.datasets.synthetic.groups import draw_group, draw_group_image
from salseg.datasets.synthetic.images import draw_image
from salseg.datasets.synthetic.videos import SyntheticVideo, draw_video
from salseg.errors import DataError

SPLITS = {
    'sod': {'train': 32, 'test': 16},
    'cosod': {'train': 8, 'test': 4},
    'vsod': {'train': 4, 'val': 2},
    'davis': {'train': 4, 'val': 2},
    'ytvos': {'train': 4, 'valid': 2},
}
"""Kinds of data sets, and how many samples each split has unless told otherwise."""

YTVOS_STEP = 5
"""YouTube-VOS ships every fifth frame and numbers them accordingly."""


@dataclass(frozen=True)
class _Job:
    """What to write; ``options`` are those of the drawing function."""

    seed: int
    splits: Mapping[str, int]
    suffix: str
    length: int
    group_size: int
    label_every: int
    options: Mapping[str, Any] = field(default_factory=dict)


def write_dataset(
    kind: str,
    out: str | os.PathLike[str],
    *,
    seed: int = 0,
    splits: Mapping[str, int] | None = None,
    size: int | tuple[int, int] = 160,
    suffix: str = '.jpg',
    group_size: int = 5,
    length: int = 20,
    label_every: int = 1,
    options: Mapping[str, Any] | None = None,
) -> Path:
    """Write a synthetic data set as a new folder, in the layout of real ones.

    The folder appears under its name only when all is written and synced; an interrupted run leaves nothing there.
    ``synthetic.json`` in it tells how it was drawn. Samples are those of ``draw_image``, ``draw_group`` and
    ``draw_video`` for the same seed, split and index; images lose a little to JPEG unless ``suffix`` is '.png'.

    * ``sod``: ``image/``, ``mask/`` (grey, 0 and 255), ``scribble/`` (0, 1, 2 as in S-DUTS), ``<split>.txt``.
    * ``cosod``: ``<split>/image/<group>/``, ``<split>/gt/<group>/`` (grey, 0 and 255), group names with spaces.
    * ``vsod``: DAVIS-2016: ``JPEGImages/480p/<video>/``, ``Annotations/480p/<video>/`` (grey, 0 and 255, all objects
      together), ``ImageSets/2016/<split>.txt``.
    * ``davis``: DAVIS-2017: the same folders with palette PNGs of object ids, ``ImageSets/2017/<split>.txt``.
    * ``ytvos``: ``<split>/JPEGImages/<video>/``, ``<split>/Annotations/<video>/``, ``<split>/meta.json``. Every fifth
      frame of the drawn video is shipped, so steps are five times longer. Splits other than 'train' have annotations
      at each object's first frame only, of the objects that are new there.

    Args:
        kind: One of ``SPLITS``.
        out: Folder to make; it must not hold anything yet.
        splits: Number of images, groups or videos per split; None gives a small set.
        size: Pixels of a square's side, or (height, width).
        suffix: '.jpg' or '.png', of the images; masks are always PNG.
        group_size: Images per group.
        length: Frames per video that are written.
        label_every: ``vsod`` writes masks for every so many frames only, as sparsely labelled sets have them.
        options: Further arguments of ``draw_group`` (``categories``) or ``draw_video`` (``objects``, ``max_step`` ...).

    Returns:
        The folder.

    Raises:
        DataError: Unknown kind, option or suffix, a number out of range, or ``out`` is a file or not empty.
    """
    job = _Job(seed, _splits(kind, splits), suffix, length, group_size, label_every, {'size': size, **(options or {})})
    _check(kind, job)
    out = Path(out)
    _check_free(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f'.{out.name}.partial-', dir=out.parent))
    try:
        _WRITERS[kind](partial, job)
        _write_json(partial / 'synthetic.json', _provenance(kind, job))
        partial.chmod(0o755)
        os.replace(partial, out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return out


def palette() -> bytes:
    """The 256 RGB triples of PASCAL VOC and DAVIS label files: bits of the index, spread over the three channels."""
    index = np.arange(256)
    colors = np.zeros((256, 3), dtype=np.uint8)
    for bit in range(8):
        for channel in range(3):
            colors[:, channel] |= (((index >> (3 * bit + channel)) & 1) << (7 - bit)).astype(np.uint8)
    return colors.tobytes()


def _splits(kind: str, splits: Mapping[str, int] | None) -> Mapping[str, int]:
    if kind not in SPLITS:
        raise DataError(f'kind is {kind!r}; synthetic data is written as one of {", ".join(SPLITS)}.')
    return SPLITS[kind] if splits is None else splits


def _check(kind: str, job: _Job) -> None:
    numbers = {'length': job.length, 'group_size': job.group_size, 'label_every': job.label_every}
    numbers.update({f'splits[{name!r}]': count for name, count in job.splits.items()})
    wrong = {name: value for name, value in numbers.items() if value < 1}
    if wrong or not job.splits:
        raise DataError(f'{wrong or "splits"} cannot be written: there must be a split, and numbers of at least 1.')
    if job.suffix not in ('.jpg', '.png'):
        raise DataError(f'suffix is {job.suffix!r}; images are written as .jpg or .png.')
    drawing: dict[str, Callable[..., Any]] = {'sod': draw_image, 'cosod': draw_group}
    known = inspect.signature(drawing.get(kind, draw_video)).parameters
    taken = {'seed', 'split', 'index', 'group_size', 'length'}
    unknown = [name for name in job.options if name not in known or name in taken]
    if unknown:
        raise DataError(f'options holds {", ".join(unknown)}; {kind} takes {", ".join(sorted(set(known) - taken))}.')


def _check_free(out: Path) -> None:
    if out.is_dir() and any(out.iterdir()):
        raise DataError(f'{out} is not empty; synthetic data is written to a new folder only. Choose another name.')
    if out.exists() and not out.is_dir():
        raise DataError(
            f'{out} is a file; the folder of a synthetic data set was to be made there. Choose another name.'
        )


def _provenance(kind: str, job: _Job) -> dict[str, Any]:
    facts: dict[str, Any] = {'kind': kind, 'version': VERSION, 'seed': job.seed, 'splits': dict(job.splits)}
    if kind == 'cosod':
        facts['group_size'] = job.group_size
    elif kind != 'sod':
        facts['length'] = job.length
    if kind == 'vsod':
        facts['label_every'] = job.label_every
    return {**facts, 'options': dict(job.options)}


def _write_sod(root: Path, job: _Job) -> None:
    for split, count in job.splits.items():
        stems = [f'{split}_{index:05d}' for index in range(count)]
        for index, stem in enumerate(stems):
            drawn = draw_image(job.seed, split, index, **job.options)
            _write_image(root / 'image' / f'{stem}{job.suffix}', drawn.image)
            _write_grey(root / 'mask' / f'{stem}.png', drawn.mask * np.uint8(255))
            _write_grey(root / 'scribble' / f'{stem}.png', drawn.scribble)
        _write_list(root / f'{split}.txt', stems)


def _write_cosod(root: Path, job: _Job) -> None:
    for split, count in job.splits.items():
        for index in range(count):
            for member in range(job.group_size):
                drawn = draw_group_image(job.seed, split, index, member, **job.options)
                group = f'{CATEGORIES[drawn.category_ids[drawn.shared - 1]].name} {index:03d}'
                stem = f'{index:03d}_{member:03d}'
                _write_image(root / split / 'image' / group / f'{stem}{job.suffix}', drawn.image)
                _write_grey(root / split / 'gt' / group / f'{stem}.png', drawn.mask * np.uint8(255))


def _videos(job: _Job, split: str, length: int) -> list[tuple[str, SyntheticVideo]]:
    return [
        (f'{split}-{index:03d}', draw_video(job.seed, split, index, length=length, **job.options))
        for index in range(job.splits[split])
    ]


def _write_davis_like(
    root: Path, job: _Job, year: str, every: int, write_mask: Callable[[Path, np.ndarray], None]
) -> None:
    for split in job.splits:
        videos = _videos(job, split, job.length)
        for name, video in videos:
            for t, frame in enumerate(video):
                _write_image(root / 'JPEGImages' / '480p' / name / f'{t:05d}{job.suffix}', frame.image)
                if t % every == 0:
                    write_mask(root / 'Annotations' / '480p' / name / f'{t:05d}.png', frame.labels)
        _write_list(root / 'ImageSets' / year / f'{split}.txt', [name for name, _ in videos])


def _write_vsod(root: Path, job: _Job) -> None:
    _write_davis_like(
        root, job, '2016', job.label_every, lambda path, ids: _write_grey(path, (ids > 0) * np.uint8(255))
    )


def _write_davis(root: Path, job: _Job) -> None:
    _write_davis_like(root, job, '2017', 1, _write_labels)


def _write_ytvos(root: Path, job: _Job) -> None:
    for split in job.splits:
        meta = {}
        for index, (_, video) in enumerate(_videos(job, split, YTVOS_STEP * (job.length - 1) + 1)):
            # Ten hexadecimal digits, as there.
            name = hashlib.blake2b(f'{job.seed}/{split}/{index}'.encode(), digest_size=5).hexdigest()
            meta[name] = {'objects': _write_ytvos_video(root / split, name, video, job, first_only=split != 'train')}
        _write_json(root / split / 'meta.json', {'videos': meta})


def _write_ytvos_video(root: Path, name: str, video: SyntheticVideo, job: _Job, first_only: bool) -> dict[str, Any]:
    """Write one video and return its objects' entries of ``meta.json``."""
    frames: dict[int, list[str]] = {}
    for t in range(0, len(video), YTVOS_STEP):
        frame, stem = video.frame(t), f'{t:05d}'
        # An object enters with a mask that can serve as a prompt, not with its first pixel.
        least = 0.003 * frame.labels.size if first_only else 1
        present = [number for number in video.object_ids if np.count_nonzero(frame.labels == number) >= least]
        new = [number for number in present if number not in frames]
        for number in new:
            frames[number] = []
        for number in frames if first_only else present:
            # To be scored are all frames from the first on, also where the object is away.
            frames[number].append(stem)
        _write_image(root / 'JPEGImages' / name / f'{stem}{job.suffix}', frame.image)
        if not first_only:
            _write_labels(root / 'Annotations' / name / f'{stem}.png', frame.labels)
        elif new:
            _write_labels(root / 'Annotations' / name / f'{stem}.png', frame.labels * np.isin(frame.labels, new))
    return {
        str(number): {'category': video.object_names[number - 1], 'frames': stems}
        for number, stems in sorted(frames.items())
    }


_WRITERS: dict[str, Callable[[Path, _Job], None]] = {
    'sod': _write_sod, 'cosod': _write_cosod, 'vsod': _write_vsod, 'davis': _write_davis, 'ytvos': _write_ytvos,
}  # fmt: skip


def _write_image(path: Path, image: np.ndarray) -> None:
    _write_encoded(path, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


def _write_grey(path: Path, values: np.ndarray) -> None:
    _write_encoded(path, values)


def _write_encoded(path: Path, values: np.ndarray) -> None:
    done, data = cv2.imencode(path.suffix, values, [cv2.IMWRITE_JPEG_QUALITY, 95] if path.suffix == '.jpg' else [])
    if not done:
        raise DataError(f'{path} could not be encoded: OpenCV refused an image of shape {values.shape}.')
    _write_bytes(path, data.tobytes())


def _write_labels(path: Path, labels: np.ndarray) -> None:
    image = Image.fromarray(labels.astype(np.uint8))
    image.putpalette(palette())
    buffer = BytesIO()
    image.save(buffer, format='PNG')
    _write_bytes(path, buffer.getvalue())


def _write_list(path: Path, lines: list[str]) -> None:
    _write_bytes(path, ''.join(f'{line}\n' for line in lines).encode())


def _write_json(path: Path, content: Any) -> None:
    _write_bytes(path, json.dumps(content, indent=1).encode())


def _write_bytes(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'wb') as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
