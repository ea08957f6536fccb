"""What predictors of images, groups and clips share: preprocessing from the model's config, 8-bit maps out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from salseg.errors import DataError, missing_weights
from salseg.evaluation.metrics.grey import to_grey
from salseg.io.images import over_grey, read_visible
from salseg.models import BaseSegmentor
from salseg.registry import TRANSFORMS

# Steps of a test pipeline that read what a user's images do not have.
_NEEDS_LABELS = ('LoadLabels', 'LoadSoftLabels', 'LoadGroundTruth', 'RandomReverse')
ImageLike = str | Path | np.ndarray | Image.Image


@dataclass(frozen=True)
class Prediction:
    """One image and its map.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        saliency: (H, W) uint8, probability times 255, at the image's own size.
        name: Of the image or frame, where it was given one.
        alpha: (H, W) uint8 opacity of an image with transparent pixels, else None.
    """

    image: np.ndarray
    saliency: np.ndarray
    name: str = ''
    alpha: np.ndarray | None = None


def seen_prediction(image: np.ndarray, saliency: np.ndarray, alpha: np.ndarray | None = None) -> Prediction:
    """A prediction in which nothing is found where an image is wholly transparent."""
    if alpha is not None:
        saliency = np.where(alpha == 0, np.uint8(0), saliency)
    return Prediction(image, saliency, alpha=alpha)


class Predictor:
    """A model with its own preprocessing.

    Args:
        model: From :func:`salseg.apis.init_model`.
        random_weights: Allow a model that was never given weights; its maps are noise.

    Raises:
        CheckpointError: The model has no weights and that was not allowed.
    """

    def __init__(self, model: BaseSegmentor, random_weights: bool = False) -> None:
        if model.weights_source is None and not random_weights:
            raise missing_weights(model, 'its maps')
        self.model = model
        self.pipeline = [step for step in test_pipeline(model) if step['type'] not in _NEEDS_LABELS]
        self.transforms = [TRANSFORMS.build(dict(step)) for step in self.pipeline]

    def pack(
        self, images: Sequence[np.ndarray], names: Sequence[str], set_id: str = '', ordered: bool = False
    ) -> dict[str, Any]:
        """One set of images (H, W, 3) uint8 RGB through the test pipeline: ``inputs`` and ``data_samples``.

        Args:
            images: The images; sizes may differ where the pipeline resizes.
            names: Of each.
            set_id: Name of the set.
            ordered: Whether they follow each other in time.
        """
        blank = [None] * len(images)
        results = dict(
            dataset='', set_id=set_id, frame_ids=list(names), frame_paths=list(names), frames=list(images),
            ordered=ordered, label_paths=blank, label_kind=blank, rng=np.random.default_rng(0),
        )  # fmt: skip
        for transform in self.transforms:
            results = transform(results)
        return results

    def run(self, items: Sequence[dict[str, Any]]) -> list[list[np.ndarray]]:
        """Maps (H, W) uint8 of each packed set, run as one batch.

        Raises:
            DataError: A map holds values that are no numbers.
        """
        data = dict(inputs=[item['inputs'] for item in items], data_samples=[item['data_samples'] for item in items])
        with torch.inference_mode():
            samples = self.model.test_step(data)
        return [[to_grey(value) for value in sample.pred_maps] for sample in samples]


def test_pipeline(model: BaseSegmentor) -> list[dict[str, Any]]:
    """Steps of a model's first test set; none where its config names none."""
    dataset = model.cfg.test_dataloader.dataset
    while not dataset.get('pipeline') and 'datasets' in dataset:
        dataset = dataset['datasets'][0]
    return [dict(step) for step in dataset.get('pipeline') or ()]


def as_image(image: ImageLike) -> np.ndarray:
    """A file, array or PIL image as (H, W, 3) uint8 RGB; see :func:`as_visible`."""
    return as_visible(image)[0]


def as_visible(image: ImageLike) -> tuple[np.ndarray, np.ndarray | None]:
    """A file, array or PIL image as (H, W, 3) uint8 RGB as it is seen, and its opacity (H, W) uint8 or None.

    A file stands as its EXIF orientation says; transparent pixels are grey. A PIL image stands as it is.

    Raises:
        DataError: It cannot be read, or an array has another shape or type.
    """
    if isinstance(image, str | Path):
        return read_visible(image)
    if isinstance(image, Image.Image):
        rgba = np.asarray(image.convert('RGBA'))
        alpha = rgba[..., 3]
        if alpha.min(initial=255) == 255:
            return np.ascontiguousarray(rgba[..., :3]), None
        return over_grey(rgba[..., :3], alpha), alpha
    check_image(image)
    return image, None


def check_image(image: np.ndarray, name: str = 'an image') -> None:
    """Refuse what is no (H, W, 3) uint8 image.

    Raises:
        DataError: Names the type and shape found.
    """
    if not isinstance(image, np.ndarray):
        raise DataError(
            f'{name} is a {type(image).__name__}; expected a file, an array (height, width, 3) uint8 in RGB order or a PIL '
            'image.'
        )
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise DataError(f'{name} is {image.dtype} {image.shape}; expected uint8 (height, width, 3) in RGB order.')
