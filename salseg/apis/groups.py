"""What the pictures of a folder have in common."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from salseg.apis.models import init_model
from salseg.apis.predicting import SAVES, Prediction, SaliencyPredictor
from salseg.datasets.pairing import by_stem
from salseg.datasets.reading import read_image
from salseg.errors import DataError
from salseg.evaluation.metrics.saliency_metric import to_grey
from salseg.models import BaseSegmentor
from salseg.visualization import cutout, overlay_map, sheet, write_png

_SHEET_PICTURES = 40
_LEFT_OUT = 'sheets show the first {} pictures of a group'


@dataclass
class GroupResult:
    """What was written of one group.

    Attributes:
        name: Of the group.
        count: Pictures that took part.
        written: Files.
        failed: Pictures that could not be read, with the reason; the group went on without them.
        notes: What a user should know: a group of one, the same picture twice, a group in parts.
    """

    name: str
    count: int = 0
    written: list[Path] = field(default_factory=list)
    failed: dict[Path, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class GroupPredictor(SaliencyPredictor):
    """A co-saliency model with its own preprocessing: a group of pictures in, a map for each out.

    Args:
        model: From :func:`init_model`.
        random_weights: Allow a model that was never given weights; its maps are noise.
        max_frames: Largest group that is run as one; larger ones are split and each part is a group of its own. None:
            never.

    Raises:
        CheckpointError: The model has no weights and that was not allowed.
        DataError: ``max_frames`` is not positive.
    """

    def __init__(self, model: BaseSegmentor, random_weights: bool = False, max_frames: int | None = None) -> None:
        super().__init__(model, random_weights)
        if max_frames is not None and max_frames < 1:
            raise DataError(f'max_frames={max_frames}; a group has at least one picture.')
        self.max_frames = max_frames

    def prepare_group(self, images: Sequence[np.ndarray], name: str = 'group') -> dict:
        """One packed item of some pictures (H, W, 3) uint8 RGB; sizes may differ."""
        names = [f'{index:05d}' for index in range(len(images))]
        blank = [None] * len(images)
        results = dict(
            dataset='', set_id=name, frame_ids=names, frame_paths=names, frames=list(images), ordered=False,
            label_paths=blank, label_kind=blank, rng=np.random.default_rng(0),
        )  # fmt: skip
        for transform in self.transforms:
            results = transform(results)
        return results

    def __call__(self, images: Sequence[np.ndarray]) -> list[Prediction]:
        """Maps of one group.

        Args:
            images: (H, W, 3) uint8 RGB each; sizes may differ.

        Raises:
            DataError: There is no picture, or one has another shape or type.
        """
        if not len(images):
            raise DataError('the group is empty; a group has at least one picture.')
        for image in images:
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
                raise DataError(
                    f'a picture is {image.dtype} {image.shape}; expected uint8 (height, width, 3) in RGB order.'
                )
        predictions: list[Prediction] = []
        for part in self.parts(len(images)):
            item = self.prepare_group(images[part])
            data = dict(inputs=[item['inputs']], data_samples=[item['data_samples']])
            with torch.inference_mode():
                (sample,) = self.model.test_step(data)
            predictions += [Prediction(image, to_grey(value)) for image, value in zip(images[part], sample.pred_maps)]
        return predictions

    def parts(self, count: int) -> list[slice]:
        """How a group of that size is split, as evenly as may be; one part unless it is above ``max_frames``."""
        pieces = 1 if self.max_frames is None else -(-count // self.max_frames)
        ends = [round(count * piece / pieces) for piece in range(pieces + 1)]
        return [slice(start, stop) for start, stop in pairwise(ends)]


def find_groups(inputs: Iterable[str | Path]) -> list[tuple[str, list[Path]]]:
    """Groups by name: a folder of pictures is a group; of a folder of folders each is one.

    Raises:
        DataError: A folder does not exist or holds no picture, or two groups have the same name.
    """
    groups: dict[str, list[Path]] = {}
    for text in inputs:
        folder = Path(text)
        if not folder.is_dir():
            what = 'is a file' if folder.exists() else 'does not exist'
            raise DataError(f'{folder} {what}; a group is a folder with the pictures that have something in common.')
        for name, files in _groups_of(folder):
            if name in groups:
                raise DataError(f'two groups are called {name!r}; rename a folder, or run twice with two --out.')
            groups[name] = files
    return list(groups.items())


def _groups_of(folder: Path) -> list[tuple[str, list[Path]]]:
    own = list(by_stem(folder).values())
    if own:
        return [(folder.resolve().name, own)]
    below = [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(('.', '__'))]
    found = [(path.name, list(by_stem(path).values())) for path in below]
    found = [(name, files) for name, files in found if files]
    if not found:
        raise DataError(f'{folder} holds no picture, and no folder with pictures; a group is a folder of pictures.')
    return found


def predict_groups(
    predictor: GroupPredictor,
    inputs: Iterable[str | Path],
    out: str | Path,
    save: Sequence[str] = ('mask',),
    sheets: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> list[GroupResult]:
    """Write the maps of all groups of some folders, and a contact sheet per group.

    Args:
        predictor: The model.
        inputs: Folders.
        out: Folder; results go to ``<out>/<kind>/<group>/<stem>.png``, or ``<out>/<group>/<stem>.png`` when only masks
            are asked for, and ``<out>/sheets/<group>.png``.
        save: Kinds out of 'mask', 'overlay', 'cutout'.
        sheets: Whether sheets are written.
        progress: Called with groups done and in all.

    Returns:
        What was written, left out and worth knowing, per group.

    Raises:
        DataError: Nothing was found, an unknown kind, or the folder cannot be written.
    """
    unknown = [kind for kind in save if kind not in SAVES]
    if unknown or not save:
        raise DataError(f'--save {",".join(save)}: expected some of {", ".join(SAVES)}.')
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise DataError(f'{out} is a file; expected a folder for the results. Choose another --out.')
    groups = find_groups(inputs)
    results = []
    for done, (name, files) in enumerate(groups, start=1):
        results.append(predict_group(predictor, name, files, out, save, sheets))
        if progress is not None:
            progress(done, len(groups))
    return results


def predict_group(
    predictor: GroupPredictor, name: str, files: Sequence[Path], out: Path, save: Sequence[str], sheets: bool
) -> GroupResult:
    """Write the maps of one group; unreadable pictures are named and the rest goes on."""
    result = GroupResult(name)
    images: dict[Path, np.ndarray] = {}
    for path in files:
        try:
            images[path] = read_image(path)
        except DataError as error:
            result.failed[path] = str(error)
    result.count = len(images)
    if not images:
        result.notes.append(f'none of its {len(files)} pictures could be read')
        return result
    result.notes += notes_on(images, len(predictor.parts(len(images))))
    predictions = predictor(list(images.values()))
    for path, prediction in zip(images, predictions):
        result.written += write_results(prediction, out, Path(name) / path.stem, save)
    if sheets:
        result.written.append(write_png(out / 'sheets' / f'{name}.png', group_sheet(predictions)))
        if len(predictions) > _SHEET_PICTURES:
            result.notes.append(_LEFT_OUT.format(_SHEET_PICTURES))
    return result


def notes_on(images: dict[Path, np.ndarray], parts: int) -> list[str]:
    """What a user should know before looking at a group's maps."""
    notes = []
    if len(images) == 1:
        notes.append('one picture only, so nothing can be shared; the map shows what stands out in it')
    seen: dict[tuple[tuple[int, ...], str], Path] = {}
    for path, image in images.items():
        twin = seen.setdefault((image.shape, hashlib.sha256(image).hexdigest()), path)
        if twin != path:
            notes.append(f'{path.name} is the same picture as {twin.name}; it counts twice in the vote')
    if parts > 1:
        notes.append(f'{len(images)} pictures were split into {parts} groups of their own, one after the other')
    return notes


def write_results(prediction: Prediction, out: Path, name: Path, save: Sequence[str]) -> list[Path]:
    """Write the kinds that are asked for of one picture, laid out as :func:`predict_files` does."""
    make = {
        'mask': lambda: prediction.saliency,
        'overlay': lambda: overlay_map(prediction.image, prediction.saliency),
        'cutout': lambda: cutout(prediction.image, prediction.saliency),
    }
    folders = {kind: out if tuple(save) == ('mask',) else out / kind for kind in save}
    return [write_png(folder / name.parent / f'{name.name}.png', make[kind]()) for kind, folder in folders.items()]


def group_sheet(predictions: Sequence[Prediction], columns: int = 5) -> np.ndarray:
    """Pictures of a group with their maps below, (H, W, 3) uint8 RGB."""
    shown = predictions[:_SHEET_PICTURES]
    rows: list[list[np.ndarray]] = []
    for start in range(0, len(shown), columns):
        line = shown[start : start + columns]
        rows.append([prediction.image for prediction in line])
        rows.append([overlay_map(prediction.image, prediction.saliency) for prediction in line])
    return sheet(rows)


def predict_group_images(
    model: str,
    images: Sequence[str | Path | np.ndarray],
    checkpoint: str | None = None,
    device: str | None = None,
    random_weights: bool = False,
) -> list[np.ndarray]:
    """Maps of one group in one call; build a :class:`GroupPredictor` to call it often.

    Args:
        model: Name, config or run's folder.
        images: Files or (H, W, 3) uint8 RGB arrays that have something in common.
        checkpoint: Weights.
        device: Where to run.
        random_weights: See :class:`GroupPredictor`.

    Returns:
        (H, W) uint8 maps at the pictures' own sizes.
    """
    pictures = [x if isinstance(x, np.ndarray) else read_image(x) for x in images]
    predictor = GroupPredictor(init_model(model, checkpoint, device), random_weights)
    return [prediction.saliency for prediction in predictor(pictures)]
