"""What the images of a group have in common."""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from salseg.apis.predictor import Prediction, Predictor, check_image
from salseg.errors import DataError
from salseg.models import BaseSegmentor
from salseg.visualization import overlay_map, sheet

SHEET_IMAGES = 40


class GroupPredictor(Predictor):
    """A co-saliency model with its preprocessing, from a group of images to a map for each.

    Args:
        model: From `init_model`.
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
            raise DataError(f'max_frames={max_frames}; a group has at least one image.')
        self.max_frames = max_frames

    def prepare_group(self, images: Sequence[np.ndarray], name: str = 'group') -> dict[str, Any]:
        """One packed item of some images (H, W, 3) uint8 RGB; sizes may differ."""
        return self.pack(images, [f'{index:05d}' for index in range(len(images))], set_id=name)

    def __call__(self, images: Sequence[np.ndarray]) -> list[Prediction]:
        """Maps of one group.

        Args:
            images: (H, W, 3) uint8 RGB each; sizes may differ.

        Raises:
            DataError: There is no image, or one has another shape or type.
        """
        if not len(images):
            raise DataError('the group is empty; a group has at least one image.')
        for image in images:
            check_image(image)
        predictions: list[Prediction] = []
        for part in self.parts(len(images)):
            (maps,) = self.run([self.prepare_group(images[part])])
            predictions += [Prediction(image, saliency) for image, saliency in zip(images[part], maps)]
        return predictions

    def parts(self, count: int) -> list[slice]:
        """How a group of that size is split, as evenly as may be; one part unless it is above ``max_frames``."""
        pieces = 1 if self.max_frames is None else -(-count // self.max_frames)
        ends = [round(count * piece / pieces) for piece in range(pieces + 1)]
        return [slice(start, stop) for start, stop in pairwise(ends)]


def notes_on(images: dict[Path, np.ndarray], parts: int) -> list[str]:
    """What a user should know before looking at a group's maps."""
    notes = []
    if len(images) == 1:
        notes.append('one image only, so nothing can be shared; the map shows what stands out in it')
    seen: dict[tuple[tuple[int, ...], str], Path] = {}
    for path, image in images.items():
        twin = seen.setdefault((image.shape, hashlib.sha256(image.data).hexdigest()), path)
        if twin != path:
            notes.append(f'{path.name} is the same image as {twin.name}; it counts twice in the vote')
    if parts > 1:
        notes.append(f'{len(images)} images were split into {parts} groups of their own, one after the other')
    return notes


def group_sheet(predictions: Sequence[Prediction], columns: int = 5) -> np.ndarray:
    """The first images of a group with their maps below, (H, W, 3) uint8 RGB."""
    shown = predictions[:SHEET_IMAGES]
    rows: list[list[np.ndarray]] = []
    for start in range(0, len(shown), columns):
        line = shown[start : start + columns]
        rows.append([prediction.image for prediction in line])
        rows.append([overlay_map(prediction.image, prediction.saliency) for prediction in line])
    return sheet(rows)
