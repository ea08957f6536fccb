"""Saliency along videos of any length in bounded memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from salseg.datasets.video_reading import FrameSource
from salseg.errors import CheckpointError, ConfigError, DataError
from salseg.evaluation.metrics.grey import to_grey
from salseg.models import BaseSegmentor
from salseg.registry import TRANSFORMS
from salseg.visualization import overlay_map, write_png
from salseg.visualization.video import VideoWriter

_NEEDS_LABELS = ('LoadLabels', 'LoadSoftLabels', 'LoadGroundTruth', 'RandomReverse')


@dataclass(frozen=True)
class ClipFrame:
    """One frame and its map.

    Attributes:
        name: As the frame was given.
        image: (H, W, 3) uint8 RGB.
        saliency: (H, W) uint8, probability times 255, at the frame's own size.
    """

    name: str
    image: np.ndarray
    saliency: np.ndarray


class ClipPredictor:
    """A model on clips, fed with a stream of frames.

    The stream is cut into windows of ``length`` consecutive frames. A window is run as a whole, forwards and backwards in
    time, and knows nothing of the others: no state is carried over, so a frame is related to at most ``length - 1``
    others. What is left over at the end is run with the last ``length`` frames, and those of them that were already run
    take the later map; a stream shorter than a window is filled up with its last frame. All frames are given, in order,
    once. At most two windows of frames are held at any time, however long the stream.

    Args:
        model: From :func:`salseg.apis.init_model`.
        length: Frames of a window; by default that of the model's test set, else 4.
        random_weights: Allow a model that was never given weights; its maps are noise.

    Raises:
        CheckpointError: The model has no weights and that was not allowed.
        ConfigError: The length is below 1.
    """

    def __init__(self, model: BaseSegmentor, length: int | None = None, random_weights: bool = False) -> None:
        if model.weights_source is None and not random_weights:
            raise CheckpointError(
                f'this {type(model).__name__} has no trained weights; its maps would be noise.\n  Give a checkpoint '
                '(--checkpoint FILE, or the folder of a run as MODEL), or allow it: --random-weights.'
            )
        dataset = model.cfg.test_dataloader.dataset
        self.model = model
        self.length = length if length is not None else _length_of(dataset)
        if self.length < 1:
            raise ConfigError(f'ClipPredictor: length={self.length}; a window has at least one frame.')
        steps = dataset.get('pipeline') or dataset.datasets[0].pipeline
        self.transforms = [TRANSFORMS.build(dict(step)) for step in steps if step['type'] not in _NEEDS_LABELS]

    def __call__(self, frames: Iterable[tuple[str, np.ndarray]]) -> Iterator[ClipFrame]:
        """Maps of a stream.

        Args:
            frames: Name and picture (H, W, 3) uint8 RGB of each, all of one size.

        Raises:
            DataError: A picture has another shape or type, or another size than the first.
        """
        # The newest window that was run, held back because a last, overlapping one may replace some of it.
        done: deque[ClipFrame] = deque(maxlen=self.length)
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
        yield from self.window(last)[: len(last)]

    def window(self, frames: list[tuple[str, np.ndarray]]) -> list[ClipFrame]:
        """Maps of up to ``length`` frames run as one clip."""
        filled = frames + [frames[-1]] * (self.length - len(frames))
        with torch.inference_mode():
            (sample,) = self.model.test_step(self.pack(filled))
        # Of a frame that was repeated to fill the window, the last map counts, as everywhere.
        maps = list(sample.pred_maps[: len(frames)])
        maps[-1] = sample.pred_maps[-1]
        return [ClipFrame(name, image, to_grey(value)) for (name, image), value in zip(frames, maps)]

    def pack(self, frames: list[tuple[str, np.ndarray]]) -> dict[str, list]:
        """A clip through the test pipeline, as a batch of one: what ``model.data_preprocessor`` takes."""
        names = [name for name, _ in frames]
        results = dict(
            dataset='', set_id='stream', ordered=True, frame_ids=names, frame_paths=names,
            frames=[image for _, image in frames], label_paths=[None] * len(frames), label_kind=[None] * len(frames),
            rng=np.random.default_rng(0),
        )  # fmt: skip
        for transform in self.transforms:
            results = transform(results)
        return dict(inputs=[results['inputs']], data_samples=[results['data_samples']])


def _check_frame(name: str, image: np.ndarray, size: tuple[int, ...]) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise DataError(f'{name} is {image.dtype} {image.shape}; expected uint8 (height, width, 3) in RGB order.')
    if image.shape != size:
        raise DataError(
            f'{name} has another size ({image.shape[0]}x{image.shape[1]}) than the first frame '
            f'({size[0]}x{size[1]}, height x '
            'width). Convert the video anew with one size.'
        )


def _length_of(dataset: dict) -> int:
    inner = dataset.get('datasets', [dataset])[0]
    return int(inner.get('length', 4)) if inner.get('clips') else 4


def predict_video(
    predictor: ClipPredictor,
    source: str | Path,
    out: str | Path,
    save: Iterable[str] = ('mask', 'video'),
    progress: Callable[[int, int | None], None] | None = None,
) -> int:
    """Write the maps of a video file or a folder of frames, and a video of them laid over it.

    Args:
        predictor: The model.
        source: Video file, or folder of frames.
        out: Folder; ``mask/<frame>.png``, ``overlay/<frame>.png``, ``overlay.mp4``.
        save: Some of 'mask', 'overlay', 'video'.
        progress: Called with frames done and in all (None if unknown).

    Returns:
        Frames written.

    Raises:
        DataError: The source cannot be read, or not to the end that it announces (after writing what it gave); an
            unknown kind; or the folder cannot be written.
    """
    kinds, out = tuple(save), Path(out)
    unknown = [kind for kind in kinds if kind not in ('mask', 'overlay', 'video')]
    if unknown or not kinds:
        raise DataError(f'--save {",".join(kinds)}: expected some of mask, overlay, video.')
    given = FrameSource(source)
    named = ((given.name(number), image) for number, image in enumerate(given.frames()))
    count = 0
    with ExitStack() as stack:
        video = stack.enter_context(VideoWriter(out / 'overlay.mp4', given.fps)) if 'video' in kinds else None
        for frame in predictor(named):
            _save(frame, out, kinds, video)
            count += 1
            if progress is not None:
                progress(count, None if given.names is None else len(given.names))
    if given.lost:
        raise DataError(
            f'{source} announces {given.announced} frames, but only {count} can be decoded: it is cut off or damaged. What '
            f'was made of those lies below {out}. Get the file anew, or convert what is left of it.'
        )
    return count


def _save(frame: ClipFrame, out: Path, kinds: tuple[str, ...], video: VideoWriter | None) -> None:
    if 'mask' in kinds:
        write_png(out / 'mask' / f'{frame.name}.png', frame.saliency)
    if video is None and 'overlay' not in kinds:
        return
    picture = overlay_map(frame.image, frame.saliency)
    if 'overlay' in kinds:
        write_png(out / 'overlay' / f'{frame.name}.png', picture)
    if video is not None:
        # Codecs need even sizes.
        height, width = (side - side % 2 for side in picture.shape[:2])
        video.write(np.ascontiguousarray(picture[:height, :width]))
