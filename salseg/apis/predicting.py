"""Saliency maps for pictures without ground truth."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from salseg.apis.inputs import find_images
from salseg.apis.kinds import set_kind
from salseg.apis.models import init_model
from salseg.apis.overlapping import map_ahead
from salseg.apis.predictor import Picture, Prediction, Predictor, as_picture, check_picture
from salseg.models import BaseSegmentor

T = TypeVar('T')


class SaliencyPredictor(Predictor):
    """A model with its own preprocessing: pictures in, maps out.

    Args:
        model: From :func:`init_model`.
        random_weights: Allow a model that was never given weights; its maps are noise.

    Raises:
        CheckpointError: The model has no weights and that was not allowed.
    """

    def prepare(self, image: np.ndarray, name: str = 'image') -> dict[str, Any]:
        """One packed item of a picture (H, W, 3) uint8 RGB."""
        return self.pack([image], [name], set_id=name)

    def __call__(self, images: Sequence[np.ndarray]) -> list[Prediction]:
        """Maps of some pictures, run as one batch.

        Args:
            images: (H, W, 3) uint8 RGB each; sizes may differ.

        Raises:
            DataError: A picture has another shape or type.
        """
        for image in images:
            check_picture(image)
        maps = self.run([self.prepare(image) for image in images]) if len(images) else []
        return [Prediction(image, saliency) for image, (saliency,) in zip(images, maps)]

    def stream(self, pictures: Iterable[Picture], batch_size: int = 1) -> Iterator[Prediction]:
        """Maps of any number of pictures, in order and in bounded memory; pictures are read ahead by threads.

        Args:
            pictures: Files, arrays (H, W, 3) uint8 RGB or PIL images, from a list or a generator.
            batch_size: Pictures per forward pass.

        Raises:
            DataError: A picture cannot be read, or has another shape or type.
        """

        def load(picture: Picture) -> tuple[np.ndarray, dict[str, Any]]:
            image = as_picture(picture)
            return image, self.prepare(image)

        for batch in in_batches(map_ahead(load, pictures, ahead=batch_size + 2), batch_size):
            for (image, _), (saliency,) in zip(batch, self.run([item for _, item in batch])):
                yield Prediction(image, saliency)


def in_batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Up to ``size`` items at a time."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def predict(
    model: str | BaseSegmentor,
    images: Picture | Iterable[Picture],
    checkpoint: str | None = None,
    device: str | None = None,
    random_weights: bool = False,
) -> list[np.ndarray] | Iterator[np.ndarray]:
    """Maps of pictures in one call; build a :class:`SaliencyPredictor` to call it often.

    A model of groups takes the pictures as one group, a model of clips as the frames of one video.

    Args:
        model: Name, config or run's folder, or what :func:`init_model` gave.
        images: Files, folders, patterns, arrays (H, W, 3) uint8 RGB, or PIL images, one or several; or an iterator of
            them.
        checkpoint: Weights.
        device: Where to run.
        random_weights: See :class:`SaliencyPredictor`.

    Returns:
        (H, W) uint8 maps at the pictures' own sizes: a list, or for an iterator of pictures an iterator that reads only
        a few ahead.

    Raises:
        CheckpointError: The model has no weights and that was not allowed.
        DataError: A picture cannot be read, or has another shape or type.
    """
    if isinstance(model, str):
        model = init_model(model, checkpoint, device, trained=not random_weights)
    single = isinstance(images, str | Path | np.ndarray | Image.Image)
    maps = _maps(model, _expanded([images] if single else images), random_weights)
    return maps if isinstance(images, Iterator) else list(maps)


def _maps(model: BaseSegmentor, pictures: Iterator[Picture], random_weights: bool) -> Iterator[np.ndarray]:
    from salseg.apis.clips import ClipPredictor
    from salseg.apis.groups import GroupPredictor

    kind = set_kind(model)
    if kind == 'group':
        found: Iterable[Prediction] = GroupPredictor(model, random_weights)([as_picture(p) for p in pictures])
    elif kind == 'clip':
        named = ((f'{number:05d}', as_picture(picture)) for number, picture in enumerate(pictures))
        found = ClipPredictor(model, random_weights=random_weights)(named)
    else:
        found = SaliencyPredictor(model, random_weights).stream(pictures)
    return (prediction.saliency for prediction in found)


def _expanded(pictures: Iterable[Picture]) -> Iterator[Picture]:
    """Folders and patterns as the pictures that they stand for."""
    for picture in pictures:
        if isinstance(picture, str | Path) and not Path(picture).is_file():
            yield from (path for path, _ in find_images([str(picture)]))
        else:
            yield picture
