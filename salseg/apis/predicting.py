"""Saliency maps for images without ground truth."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from salseg.apis.inputs import find_images
from salseg.apis.models import init_model
from salseg.apis.overlapping import map_ahead
from salseg.apis.predictor import ImageLike, Prediction, Predictor, as_image, as_visible, check_image, seen_prediction
from salseg.errors import ConfigError
from salseg.models import BaseSegmentor

T = TypeVar('T')


class SaliencyPredictor(Predictor):
    """A model with its preprocessing, from images to saliency maps.

    Args:
        model: From `init_model`.
        random_weights: Allow a model that was never given weights; its maps are noise.

    Raises:
        CheckpointError: The model has no weights and that was not allowed.
    """

    def prepare(self, image: np.ndarray, name: str = 'image') -> dict[str, Any]:
        """One packed item of an image (H, W, 3) uint8 RGB."""
        return self.pack([image], [name], set_id=name)

    def __call__(self, images: Sequence[np.ndarray]) -> list[Prediction]:
        """Maps of some images, run as one batch.

        Args:
            images: (H, W, 3) uint8 RGB each; sizes may differ.

        Raises:
            DataError: An image has another shape or type.
        """
        for image in images:
            check_image(image)
        maps = self.run([self.prepare(image) for image in images]) if len(images) else []
        return [Prediction(image, saliency) for image, (saliency,) in zip(images, maps)]

    def stream(self, images: Iterable[ImageLike], batch_size: int = 1) -> Iterator[Prediction]:
        """Maps of any number of images, in order and in bounded memory; images are read ahead by threads.

        Args:
            images: Files, arrays (H, W, 3) uint8 RGB or PIL images, from a list or a generator.
            batch_size: Images per forward pass.

        Raises:
            DataError: An image cannot be read, or has another shape or type.
        """

        def load(source: ImageLike) -> tuple[np.ndarray, np.ndarray | None, dict[str, Any]]:
            image, alpha = as_visible(source)
            return image, alpha, self.prepare(image)

        for batch in in_batches(map_ahead(load, images, ahead=batch_size + 2), batch_size):
            for (image, alpha, _), (saliency,) in zip(batch, self.run([item for _, _, item in batch])):
                yield seen_prediction(image, saliency, alpha)


def in_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Up to ``size`` items at a time."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def predict(
    model: str | BaseSegmentor,
    images: ImageLike | Iterable[ImageLike],
    checkpoint: str | None = None,
    device: str | None = None,
    random_weights: bool = False,
) -> list[np.ndarray] | Iterator[np.ndarray]:
    """Saliency maps of images in one call; for repeated calls build a `SaliencyPredictor`.

    A model of groups takes the images as one group, a model of clips as the frames of one video.

    Args:
        model: Name, config or run's folder, or what `init_model` gave.
        images: Files, folders, globs, arrays (H, W, 3) uint8 RGB, or PIL images, one or several; or an iterator of
            them.
        checkpoint: Weights.
        device: Where to run.
        random_weights: See `SaliencyPredictor`.

    Returns:
        (H, W) uint8 maps at the images' own sizes: a list, or for an iterator of images an iterator that reads only
        a few ahead.

    Raises:
        CheckpointError: The model has no weights and that was not allowed.
        DataError: An image cannot be read, or has another shape or type.
    """
    if isinstance(model, str):
        model = init_model(model, checkpoint, device, trained=not random_weights)
    given = [images] if isinstance(images, str | Path | np.ndarray | Image.Image) else images
    maps = _maps(model, expanded(given), random_weights)
    return maps if isinstance(images, Iterator) else list(maps)


def _maps(model: BaseSegmentor, images: Iterator[ImageLike], random_weights: bool) -> Iterator[np.ndarray]:
    from salseg.apis.clips import ClipPredictor
    from salseg.apis.groups import GroupPredictor

    refuse_tracker(model)
    if model.input_type == 'group':
        found: Iterable[Prediction] = GroupPredictor(model, random_weights)([as_image(p) for p in images])
    elif model.input_type == 'clip':
        named = ((f'{number:05d}', as_image(image)) for number, image in enumerate(images))
        found = ClipPredictor(model, random_weights=random_weights)(named)
    else:
        found = SaliencyPredictor(model, random_weights).stream(images)
    return (prediction.saliency for prediction in found)


def refuse_tracker(model: BaseSegmentor) -> None:
    """Send a model that needs prompts to where they are given.

    Raises:
        ConfigError: The model takes videos with prompts and has no maps to predict.
    """
    if model.input_type == 'video':
        raise ConfigError(f'{type(model).__name__} tracks objects that you mark: use `salseg track`.')


def expanded(images: Iterable[ImageLike]) -> Iterator[ImageLike]:
    """Folders and patterns as the images that they stand for."""
    for image in images:
        if isinstance(image, str | Path) and not Path(image).is_file():
            yield from (path for path, _ in find_images([str(image)]))
        else:
            yield image
