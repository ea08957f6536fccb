"""Saliency along videos of any length in bounded memory."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from salseg.apis.predictor import Prediction, Predictor, check_image
from salseg.errors import ConfigError, DataError
from salseg.models import BaseSegmentor


class ClipPredictor(Predictor):
    """A model on clips, applied to a stream of frames.

    The stream is cut into windows of ``length`` consecutive frames. A window is run as a whole, forwards and backwards in
    time, and knows nothing of the others: no state is carried over, so a frame is related to at most ``length - 1``
    others. What is left over at the end is run with the last ``length`` frames, and those of them that were already run
    take the later map; a stream shorter than a window is filled up with its last frame. All frames are given, in order,
    once. At most two windows of frames are held at any time, however long the stream.

    Args:
        model: From `salseg.apis.init_model`.
        length: Frames of a window; by default that of the model's test set, else 4.
        random_weights: Allow a model that was never given weights; its maps are noise.

    Raises:
        CheckpointError: The model has no weights and that was not allowed.
        ConfigError: The length is below 1.
    """

    def __init__(self, model: BaseSegmentor, length: int | None = None, random_weights: bool = False) -> None:
        super().__init__(model, random_weights)
        self.length = length if length is not None else _length_of(_first_test_set(model))
        if self.length < 1:
            raise ConfigError(f'ClipPredictor: length={self.length}; a window has at least one frame.')

    def __call__(self, frames: Iterable[tuple[str, np.ndarray]]) -> Iterator[Prediction]:
        """Maps of a stream.

        Args:
            frames: Name and image (H, W, 3) uint8 RGB of each, all of one size.

        Raises:
            DataError: An image has another shape or type, or another size than the first.
        """
        # The newest window that was run, held back because a last, overlapping one may replace some of it.
        done: deque[Prediction] = deque(maxlen=self.length)
        waiting: list[tuple[str, np.ndarray]] = []
        size: tuple[int, ...] | None = None
        for name, image in frames:
            size = size or image.shape
            _check_frame(name, image, size)
            waiting.append((name, image))
            if len(waiting) == self.length:
                yield from done
                done.clear()
                done.extend(self.window(waiting))
                waiting = []
        if not waiting:
            yield from done
            return
        earlier = [(frame.name, frame.image) for frame in done]
        last = [*earlier, *waiting][-self.length :]
        yield from list(done)[: len(done) + len(waiting) - self.length] if done else ()
        yield from self.window(last)

    def restart(self, done: int) -> int:
        """Frame from which a stream has to be given again so that its frames from ``done`` on are as they would be."""
        # A window earlier than necessary: what is left over at the end is run with frames of the window before it.
        return max(0, done // self.length - 1) * self.length

    def window(self, frames: list[tuple[str, np.ndarray]]) -> list[Prediction]:
        """Maps of up to ``length`` frames run as one clip."""
        filled = frames + [frames[-1]] * (self.length - len(frames))
        (maps,) = self.run([self.pack_clip(filled)])
        # Of a frame that was repeated to fill the window, the last map counts, as everywhere.
        kept = [*maps[: len(frames) - 1], maps[-1]]
        return [Prediction(image, saliency, name) for (name, image), saliency in zip(frames, kept)]

    def pack_clip(self, frames: list[tuple[str, np.ndarray]]) -> dict[str, Any]:
        """A clip through the test pipeline."""
        return self.pack([image for _, image in frames], [name for name, _ in frames], set_id='stream', ordered=True)


def _check_frame(name: str, image: np.ndarray, size: tuple[int, ...]) -> None:
    check_image(image, name)
    if image.shape != size:
        raise DataError(
            f'{name} has another size ({image.shape[0]}x{image.shape[1]}) than the first frame ({size[0]}x{size[1]}, '
            'height x width). Convert the video anew with one size.'
        )


def _first_test_set(model: BaseSegmentor) -> Mapping[str, Any]:
    """Config of a model's first test set, inside concatenations too."""
    dataset: Mapping[str, Any] = model.cfg.test_dataloader.dataset
    while 'datasets' in dataset:
        dataset = dataset['datasets'][0]
    return dataset


def _length_of(dataset: Mapping[str, Any]) -> int:
    return int(dataset.get('length', 4)) if dataset.get('clips') else 4
