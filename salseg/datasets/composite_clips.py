"""Clips made of still images: an object cut out of one moves over another."""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from salseg.datasets.base import Results, SetDataset, height_and_width
from salseg.datasets.transforms.warping import RandomAffine, affine_matrix, warp
from salseg.errors import DataError
from salseg.io.annotations import UNKNOWN
from salseg.registry import DATASETS


@DATASETS.register_module()
class CompositeClips(SetDataset):
    """Objects of one set pasted on images of another, each moved on its own in every frame (NPMCA-net, first stage).

    Args:
        foregrounds: Data set of images with masks, by config; its pipeline reads images and labels and does not pack.
        backgrounds: Data set of images, likewise; labels are not read.
        frames: Of a clip (T).
        size: (height, width) of the clip, or one number for a square; both images are resized to it first.
        motion: Arguments of `RandomAffine`, drawn for object and background in every frame.
        flip: Probability that an image is mirrored, once for a clip.
        pipeline, seed, name: See `SetDataset`.

    Raises:
        DataError: An image has no label, or no pixel of an object.
    """

    input_type = 'clip'

    def __init__(
        self,
        foregrounds: Mapping[str, Any] | SetDataset,
        backgrounds: Mapping[str, Any] | SetDataset,
        frames: int = 3,
        size: int | Sequence[int] = (256, 432),
        motion: Mapping[str, Any] | None = None,
        flip: float = 0.5,
        pipeline: Sequence[Mapping[str, Any]] = (),
        seed: int = 0,
        name: str = 'composites',
    ) -> None:
        super().__init__(pipeline, seed, name)
        self.foregrounds, self.backgrounds = (
            DATASETS.build(dict(d)) if isinstance(d, Mapping) else d for d in (foregrounds, backgrounds)
        )
        self.frames = frames
        self.size = height_and_width(size)
        self.motion = RandomAffine(**(motion or dict(rotation=20, shear=10, scale=(0.8, 1.2), translation=0.1)))
        self.flip = flip

    def __len__(self) -> int:
        return len(self.foregrounds)

    def describe(self, index: int) -> Results:
        """What the object's own set says of it."""
        return self.foregrounds.describe(index)

    def begin(self, epoch: int, index: int, draw: int | None = None) -> Results:
        """A clip with its labels, the object being 1, before its transforms."""
        rng = np.random.default_rng((self.seed, epoch, index, 1))
        front = self.foregrounds.get(epoch, index)
        number = int(rng.integers(len(self.backgrounds)))
        back = self.backgrounds.get(epoch, number)
        if 'labels' not in front:
            raise DataError(f'{front["dataset"]} / {front["set_id"]}: no labels to cut an object out with: LoadLabels.')
        labels = front['labels'][0]
        mask = ((labels > 0) & (labels < UNKNOWN)).astype(np.uint8)
        if not mask.any():
            raise DataError(f'{front["dataset"]} / {front["set_id"]}: its mask holds no object to paste.')
        object_, mask = self._fitted(rng, front['frames'][0], mask)
        (scene,) = self._fitted(rng, back['frames'][0])
        drawn = [self._composite(rng, object_, mask, scene) for _ in range(self.frames)]
        ids = [f'{front["set_id"]}_{frame}' for frame in range(self.frames)]
        return dict(
            dataset=self.name,
            set_id=f'{front["set_id"]} on {back["set_id"]}',
            ordered=True,
            pixel_mean=self.pixel_mean,
            pixel_std=self.pixel_std,
            frame_ids=ids,
            frame_paths=ids,
            frames=[frame for frame, _ in drawn],
            label_paths=[None] * self.frames,
            label_kind=['index'] * self.frames,
            label_images=[labels for _, labels in drawn],
            rng=rng,
            draw=epoch * len(self) + index if draw is None else draw,
        )

    def _fitted(self, rng: np.random.Generator, image: np.ndarray, *masks: np.ndarray) -> list[np.ndarray]:
        """Resized, and mirrored or not."""
        mirrored = rng.random() < self.flip
        found = []
        for value, how in [(image, cv2.INTER_LINEAR), *((mask, cv2.INTER_NEAREST) for mask in masks)]:
            value = cv2.resize(value, self.size[::-1], interpolation=how)
            found.append(np.ascontiguousarray(value[:, ::-1]) if mirrored else value)
        return found

    def _composite(
        self, rng: np.random.Generator, front: np.ndarray, mask: np.ndarray, scene: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """One frame and its labels."""
        moved = affine_matrix(self.motion.draw(rng), self.size)
        labels = warp(mask, moved, cv2.INTER_NEAREST)
        front = warp(front, moved, cv2.INTER_LINEAR)
        # The object's edge is soft, as in a photograph.
        share = cv2.GaussianBlur(labels.astype(np.float32), (3, 3), 0)[..., None]
        behind = warp(scene, affine_matrix(self.motion.draw(rng), self.size), cv2.INTER_LINEAR, self.motion.fill)
        return (share * front + (1 - share) * behind).round().astype(np.uint8), labels
