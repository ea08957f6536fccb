"""What a network sees, of any input: the maps of its explainers at the images' own sizes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from salseg.apis.clips import ClipPredictor
from salseg.apis.models import init_model
from salseg.apis.predicting import expanded
from salseg.apis.predictor import ImageLike, Predictor, as_image
from salseg.errors import ConfigError, DataError
from salseg.models import BaseSegmentor
from salseg.models.explainers import Explainer, TrackingExplainer, View, ViewKind, offered
from salseg.propagation import FrameResult, Prompt, Propagator
from salseg.structures import FrameGeometry
from salseg.visualization.heat import heat_limits

Named = tuple[str, np.ndarray]


@dataclass(frozen=True)
class ShownView:
    """One view of some frames, at their own sizes.

    Attributes:
        title: A few words.
        kind: 'map', 'signed', 'index' or 'matrix', see `salseg.models.explainers.View`.
        limits: Values of the first and the last colour.
        maps: (H, W) float32 of each frame; a matrix has sides of its own. None where a frame has nothing to show.
        marks: Of each frame, row and column of marked places, in pixels.
    """

    title: str
    kind: ViewKind
    limits: tuple[float, float]
    maps: list[np.ndarray | None]
    marks: list[list[tuple[float, float]]]


@dataclass(frozen=True)
class Explanation:
    """A set of frames with what the model finds in them and what it shows.

    Attributes:
        name: Of the set.
        names: Of the frames.
        images: (H, W, 3) uint8 RGB.
        predictions: (H, W) uint8: maps, or ids of a tracker.
        views: By name.
        tracked: Whether predictions are ids.
    """

    name: str
    names: list[str]
    images: list[np.ndarray]
    predictions: list[np.ndarray]
    views: dict[str, ShownView]
    tracked: bool = False


def get_explainer(model: BaseSegmentor, what: str) -> type[Explainer]:
    """The explainer of a model by name.

    Raises:
        ConfigError: The model offers none of that name; the message lists what it offers.
    """
    found = offered(model)
    if what not in found:
        names = ''.join(f'\n  {name}: {kind.shows}' for name, kind in found.items()) or ' nothing'
        raise ConfigError(f'{what!r} is nothing that this {type(model).__name__} can show. It offers:{names}')
    return found[what]


class SetExplainer(Predictor):
    """Shows what a model of images, groups or clips sees.

    Args:
        model: From `init_model`.
        what: See :func:`get_explainer`.
        random_weights: Allow a model that was never given weights; what it shows is noise.

    Attributes:
        length: Frames that are run as one set; None for a whole group.

    Raises:
        CheckpointError: The model has no weights and that was not allowed.
        ConfigError: The model does not offer that, or is a tracker.
    """

    def __init__(self, model: BaseSegmentor, what: str, random_weights: bool = False) -> None:
        super().__init__(model, random_weights)
        kind = get_explainer(model, what)
        if issubclass(kind, TrackingExplainer):
            raise ConfigError(f'{type(model).__name__} tracks objects that you mark: use TrackExplainer, with prompts.')
        self.explainer = kind(model)
        self.length: int | None = 1
        if model.input_type != 'image':
            self.length = ClipPredictor(model, None, random_weights).length if model.input_type == 'clip' else None

    def __call__(self, frames: Sequence[Named], name: str = 'set') -> Explanation:
        """One set, run as one.

        Args:
            frames: Name and image (H, W, 3) uint8 RGB of each.
            name: Of the set.
        """
        names, images = [n for n, _ in frames], [image for _, image in frames]
        item = self.pack(images, names, set_id=name, ordered=self.model.input_type == 'clip')
        (maps,) = self.run([item])
        data = self.model.data_preprocessor(dict(inputs=[item['inputs']], data_samples=[item['data_samples']]), False)
        with torch.inference_mode():
            views = self.explainer.explain(data['inputs'])
        geometry = data['data_samples'][0].geometry
        shown = {key: _restored(view, geometry, data['inputs'].size) for key, view in views.items()}
        return Explanation(name, names, images, maps, shown)

    def stream(self, frames: Iterable[Named], name: str = 'set') -> Iterator[Explanation]:
        """Any number of frames in order: each image alone, a group as a whole, a clip in windows as it is predicted.

        What is left over of a clip at the end is run with frames before it, and only the frames left over are given.
        """
        if self.length is None:
            yield self(list(frames), name)
            return
        before: list[Named] = []
        window: list[Named] = []
        for frame in frames:
            window.append(frame)
            if len(window) == self.length:
                yield self(window, name)
                before, window = window, []
        if window:
            filled = [*before, *window][-self.length :]
            # A clip that is shorter than a window is filled up with its last frame, as in prediction.
            filled += [filled[-1]] * (self.length - len(filled))
            first = len(before) and self.length - len(window)
            yield _part(self(filled, name), slice(first, first + len(window)))


class TrackExplainer:
    """Shows what a tracker sees, frame by frame.

    Args:
        model: From `init_model`.
        what: See :func:`get_explainer`.
        random_weights: Allow a model that was never given weights; what it shows is noise.

    Raises:
        CheckpointError: The model has no weights and that was not allowed.
        ConfigError: The model does not offer that, or is no tracker.
    """

    def __init__(self, model: BaseSegmentor, what: str, random_weights: bool = False) -> None:
        kind = get_explainer(model, what)
        if not issubclass(kind, TrackingExplainer):
            raise ConfigError(f'{type(model).__name__} tracks nothing: use SetExplainer.')
        self.model, self.kind, self.random_weights = model, kind, random_weights

    def stream(
        self, frames: Iterable[Named], prompts: Mapping[int, Prompt | np.ndarray], name: str = 'video'
    ) -> Iterator[Explanation]:
        """A video, an explanation of one frame each.

        Args:
            frames: Name and image (H, W, 3) uint8 RGB of each.
            prompts: By the number of the frame, from 0.
            name: Of the video.
        """
        watched = _Watched(self.model, self.kind(self.model))
        propagator = Propagator(watched, self.random_weights)
        for number, (frame, image) in enumerate(frames):
            labels = propagator.step(image, prompts.get(number)).labels
            whole = [FrameGeometry.whole(*image.shape[:2])]
            shown = {key: _restored(view, whole, image.shape[:2]) for key, view in watched.views.items()}
            yield Explanation(name, [frame], [image], [labels], shown, tracked=True)


class _Watched:
    """A tracker that shows what it will do, right before each step."""

    def __init__(self, model: Any, explainer: TrackingExplainer) -> None:
        self.model, self.explainer = model, explainer
        self.weights_source, self.shorter_side = model.weights_source, model.shorter_side
        self.data_preprocessor = model.data_preprocessor
        self.init_state, self.remove_objects = model.init_state, model.remove_objects
        self.memory_report = model.memory_report
        self.views: dict[str, View] = {}

    def step(self, frame: Tensor, state: Any, prompt: Prompt | None = None, *, last: bool = False) -> FrameResult:
        """The tracker's own step."""
        self.views = self.explainer.explain_frame(frame, state, prompt)
        return self.model.step(frame, state, prompt, last=last)


def _restored(view: View, geometry: Sequence[FrameGeometry], size: Sequence[int]) -> ShownView:
    """A view at the sizes of the stored images, from network size (H, W)."""
    values = view.values.detach().float().cpu()
    limits = view.limits or heat_limits([values.numpy()], view.kind)
    if view.kind == 'matrix':
        return ShownView(view.title, view.kind, limits, list(values.numpy()), [[] for _ in values])
    mode = 'nearest' if view.kind == 'index' else 'bilinear'
    corners = None if mode == 'nearest' else False
    whole = F.interpolate(values.unsqueeze(1), size=tuple(size), mode=mode, align_corners=corners)
    maps: list[np.ndarray | None] = [g.undo(m, mode=mode)[0].numpy() for g, m in zip(geometry, whole)]
    marks: list[list[tuple[float, float]]] = [[] for _ in values]
    for frame, row, column in view.marks:
        marks[frame].append(_centre(geometry[frame], row, column, values.shape[-2:], size))
    return ShownView(view.title, view.kind, limits, maps, marks)


def _centre(
    geometry: FrameGeometry, row: int, column: int, grid: Sequence[int], size: Sequence[int]
) -> tuple[float, float]:
    """Where the middle of a cell of the grid is in the stored image: the centre of what a spot there becomes."""
    y, x = int((row + 0.5) * size[0] / grid[0]), int((column + 0.5) * size[1] / grid[1])
    left, top, right, bottom = geometry.pad
    height, width = size[0] - top - bottom, size[1] - left - right
    across = (x + 0.5 - left) / width
    x0, y0, x1, y1 = geometry.crop
    across = 1 - across if geometry.flip else across
    return y0 + (y + 0.5 - top) / height * (y1 - y0) - 0.5, x0 + across * (x1 - x0) - 0.5


def _part(whole: Explanation, frames: slice) -> Explanation:
    """Some frames of an explanation."""
    views = {
        key: ShownView(view.title, view.kind, view.limits, view.maps[frames], view.marks[frames])
        for key, view in whole.views.items()
    }
    return Explanation(whole.name, whole.names[frames], whole.images[frames], whole.predictions[frames], views)


def joined(parts: Sequence[Explanation]) -> Explanation:
    """One explanation of all frames; colours of a view reach over all its parts.

    Raises:
        DataError: There is none.
    """
    if not parts:
        raise DataError('there is no image to explain.')
    views: dict[str, ShownView] = {}
    for key in dict.fromkeys(key for part in parts for key in part.views):
        found = [part.views[key] for part in parts if key in part.views]
        maps: list[np.ndarray | None] = []
        marks: list[list[tuple[float, float]]] = []
        for part in parts:
            view = part.views.get(key)
            maps += [None] * len(part.names) if view is None else view.maps
            marks += [[] for _ in part.names] if view is None else view.marks
        limits = min(view.limits[0] for view in found), max(view.limits[1] for view in found)
        views[key] = ShownView(found[0].title, found[0].kind, limits, maps, marks)
    return Explanation(
        parts[0].name,
        [name for part in parts for name in part.names],
        [image for part in parts for image in part.images],
        [found for part in parts for found in part.predictions],
        views,
        parts[0].tracked,
    )


def explain(
    model: str | BaseSegmentor,
    images: ImageLike | Iterable[ImageLike],
    what: str,
    checkpoint: str | None = None,
    device: str | None = None,
    random_weights: bool = False,
    prompts: Mapping[int, Prompt | np.ndarray] | None = None,
) -> Explanation:
    """What a model sees in some images, as arrays; the command ``salseg explain`` draws the same.

    A model of groups takes the images as one group, a model of clips or a tracker as the frames of one video.

    Args:
        model: Name, config or run's folder, or what `init_model` gave.
        images: Files, folders, globs, arrays (H, W, 3) uint8 RGB, or PIL images, one or several. All are held in memory.
        what: One of the views that the model offers, see ``salseg explain MODEL --what list``.
        checkpoint: Weights.
        device: Where to run.
        random_weights: Allow a model without weights; what it shows is noise.
        prompts: Of a tracker: objects by the number of the frame, from 0.

    Raises:
        CheckpointError: The model has no weights and that was not allowed.
        ConfigError: The model does not offer that; a tracker has no prompts.
        DataError: An image cannot be read, or has another shape or type.
    """
    if isinstance(model, str):
        model = init_model(model, checkpoint, device, trained=not random_weights)
    given = [images] if isinstance(images, str | Path | np.ndarray | Image.Image) else images
    named = ((f'{number:05d}', as_image(image)) for number, image in enumerate(expanded(given)))
    if model.input_type != 'video':
        return joined(list(SetExplainer(model, what, random_weights).stream(named)))
    if not prompts:
        raise ConfigError(f'{type(model).__name__} tracks objects that you mark: give prompts, by number of the frame.')
    return joined(list(TrackExplainer(model, what, random_weights).stream(named, prompts)))
