"""Synthetic videos: objects that move, look alike, hide each other, leave and return, with exact masks and flow."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from salseg.datasets.synthetic.draws import VERSION, generator_at, image_size
from salseg.datasets.synthetic.motion import develop
from salseg.datasets.synthetic.noise import HIDES, hide, is_hidden
from salseg.datasets.synthetic.painting import Grid, Pose, SceneObject, paint
from salseg.datasets.synthetic.scribbles import draw_scribbles
from salseg.datasets.synthetic.video_scene import SceneOptions, VideoScene, draw_scene
from salseg.errors import DataError


@dataclass(frozen=True)
class SyntheticFrame:
    """One frame and what is known about it.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8, 0 background, 1 to K what is visible of the objects; exact also where noise hides them.
        boxes: (K, 4) float32, x0, y0, x1, y1 in pixels around what is visible, corners between pixels; else 0.
        box_valid: (K,) bool, whether anything of the object is visible.
        hidden: Whether noise was laid over this frame.
    """

    image: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    box_valid: np.ndarray
    hidden: bool


class SyntheticVideo:
    """A video that is drawn frame by frame when requested; it holds a description of the scene, no images.

    Frames can be requested in any order: ``frame(t)``, ``flow(t)`` and ``scribble(t)`` are functions of t only.
    Iterating gives the frames in order.

    Attributes:
        length: Number of frames.
        size: Height and width in pixels.
        object_ids: 1 to K.
        object_names: Category of each object: its shape family.
        version: Version of the drawing.
    """

    def __init__(
        self, place: tuple[int, str, int], scene: VideoScene, grid: Grid, length: int, hidden: str | None, version: int
    ) -> None:
        self.length, self.size, self.version = length, (grid.height, grid.width), version
        self.object_ids = tuple(range(1, scene.objects + 1))
        self.object_names = tuple(
            layer.thing.shape.family for layer in sorted(scene.layers, key=lambda layer: layer.label) if layer.label
        )
        self._place, self._scene, self._grid, self._hidden = place, scene, grid, hidden

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[SyntheticFrame]:
        return (self.frame(t) for t in range(self.length))

    def frame(self, t: int) -> SyntheticFrame:
        """Frame t, from 0.

        Raises:
            DataError: The video has no such frame.
        """
        canvas, layers = self._draw(self._checked(t))
        labels = self._labels(layers)
        boxes, valid = boxes_of_labels(labels, len(self.object_ids))
        rng = self._generator('frame', t)
        hidden = self._hidden is not None and is_hidden(self._generator('hidden', t // 4), t)
        if hidden and self._hidden is not None:
            hide(rng, canvas, boxes[valid], self._hidden)
        return SyntheticFrame(develop(rng, canvas), labels, boxes, valid, hidden)

    def labels(self, t: int) -> np.ndarray:
        """Labels of frame t alone, (H, W) uint8.

        Raises:
            DataError: The video has no such frame.
        """
        x, y = self._grid.axes()
        return self._labels(self._layers_at(self._checked(t), x, y))

    def scribble(self, t: int) -> np.ndarray:
        """Scribbles on the objects and the background of frame t, (H, W) uint8: 0 unknown, 1 object, 2 background.

        Raises:
            DataError: The video has no such frame.
        """
        return draw_scribbles(self.labels(t) > 0, self._generator('scribble', t), allow_empty=True)

    def flow(self, t: int) -> tuple[np.ndarray, np.ndarray]:
        """Motion from frame t to frame t + 1.

        Returns:
            Flow (H, W, 2) float32, along x and y in pixels, of the surface that each pixel of frame t shows; and
            (H, W) bool, whether that surface point is visible in frame t + 1: inside the image and not covered.

        Raises:
            DataError: The video has no such frame, or none after it.
        """
        self._checked(t)
        if t + 1 >= self.length:
            raise DataError(f'frame {t} is the last of {self.length}; there is no flow from it.')
        grid = self._grid
        x, y = np.broadcast_arrays(*grid.axes())
        layers = self._layers_at(t, x, y)
        x, y = x.astype(np.float64), y.astype(np.float64)
        later_x, later_y = np.empty_like(x), np.empty_like(y)
        for number in np.unique(layers):
            at = layers == number
            later_x[at], later_y[at] = self._pose(number, t).carry(x[at], y[at], self._pose(number, t + 1))
        flow = np.stack([later_x - x, later_y - y], axis=-1) * grid.unit
        inside = (np.abs(later_x) * 2 * grid.unit < grid.width) & (np.abs(later_y) * 2 * grid.unit < grid.height)
        same = self._layers_at(t + 1, later_x.astype(np.float32), later_y.astype(np.float32)) == layers
        return flow.astype(np.float32), inside & same

    def _checked(self, t: int) -> int:
        if not 0 <= t < self.length:
            raise DataError(f'the video has the frames 0 to {self.length - 1}; frame {t} was requested.')
        return t

    def _generator(self, what: str, t: int) -> np.random.Generator:
        seed, split, index = self._place
        return generator_at(f'video-{what}/{index}', seed, split, t, self.version)

    def _pose(self, number: int, t: int) -> Pose:
        """Pose in the image of a layer; layer 0 is the world."""
        if number == 0:
            return self._scene.camera.world(t)
        return self._scene.camera.see(self._scene.layers[number - 1].path.at(t), t)

    def _things(self, t: int) -> list[SceneObject]:
        return [layer.thing.at(self._pose(number, t)) for number, layer in enumerate(self._scene.layers, 1)]

    def _draw(self, t: int) -> tuple[np.ndarray, np.ndarray]:
        """Canvas without noise, and (H, W) uint8 number of the layer that each pixel shows."""
        scene, grid = self._scene, self._grid
        canvas = scene.backdrop(*self._pose(0, t).local(*grid.axes()))
        for patch in scene.patches:
            paint(canvas, patch.at(scene.camera.see(patch.pose, t)), grid, scene.light)
        layers = np.zeros(self.size, dtype=np.uint8)
        for number, thing in enumerate(self._things(t), 1):
            layers[paint(canvas, thing, grid, scene.light)] = number
        scene.exposure.apply(canvas, grid)
        return canvas, layers

    def _layers_at(self, t: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Number of the layer in front at points of the image."""
        layers = np.zeros(np.broadcast_shapes(x.shape, y.shape), dtype=np.uint8)
        for number, thing in enumerate(self._things(t), 1):
            layers[thing.covers(x, y)] = number
        return layers

    def _labels(self, layers: np.ndarray) -> np.ndarray:
        return np.array([0, *(layer.label for layer in self._scene.layers)], dtype=np.uint8)[layers]


def draw_video(
    seed: int,
    split: str,
    index: int,
    *,
    length: int = 60,
    size: int | tuple[int, int] = 160,
    objects: int = 2,
    look_alikes: bool = True,
    distractors: int = 0,
    occluders: int = 1,
    leaving: bool = True,
    late: bool = False,
    camera: bool = True,
    max_step: float = 8.0,
    hidden: str | None = None,
    version: int = VERSION,
) -> SyntheticVideo:
    """Video ``index`` of a split; frames are drawn when they are requested, in any order.

    Args:
        length: Number of frames, at least 1.
        size: Pixels of a square's side, or (height, width), at least 32.
        objects: Number of labelled objects, 1 to 8.
        look_alikes: The second object, and every distractor, has the family of the first one's shape, its texture and
            nearly its colour.
        distractors: Number of unlabelled things in relief that move among the objects. They look like objects, so they
            suit trackers of given objects; for saliency, where only looks can tell, leave them out.
        occluders: Number of flat unlabelled bars in front of everything.
        leaving: The first object leaves the image and returns, if the video is long enough for its speed.
        late: The last object is outside at first and enters later; all others are visible in frame 0.
        camera: The camera pans, rolls and zooms a little.
        max_step: No visible point moves farther than this from one frame to the next, in pixels; 0 is a still scene.
        hidden: None; ``'frame'``: one of every four frames is drowned in noise; ``'object'``: only a box around the
            objects is, larger than they are.

    Raises:
        DataError: An argument that cannot be drawn.
    """
    grid = Grid(*image_size(size))
    options = SceneOptions(objects, look_alikes, distractors, occluders, leaving, late)
    _check(length, max_step, hidden)
    scene = draw_scene(generator_at('video', seed, split, index, version), grid, options, camera, max_step / grid.unit)
    return SyntheticVideo((seed, split, index), scene, grid, length, hidden, version)


def _check(length: int, max_step: float, hidden: str | None) -> None:
    if length < 1:
        raise DataError(f'length is {length}; a video has at least 1 frame.')
    if not max_step >= 0:
        raise DataError(f'max_step is {max_step}; expected pixels per frame, at least 0.')
    if hidden is not None and hidden not in HIDES:
        raise DataError(f'hidden is {hidden!r}; expected None or one of {", ".join(map(repr, HIDES))}.')


def boxes_of_labels(labels: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Smallest boxes around the objects 1 to ``count`` of labels (H, W).

    Returns:
        (count, 4) float32 x0, y0, x1, y1 in pixels, corners between pixels, 0 where an object is absent; (count,) bool,
        whether it is present.
    """
    boxes, valid = np.zeros((count, 4), dtype=np.float32), np.zeros(count, dtype=bool)
    for number in range(1, count + 1):
        mask = labels == number
        columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        if len(columns):
            boxes[number - 1] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
            valid[number - 1] = True
    return boxes, valid
