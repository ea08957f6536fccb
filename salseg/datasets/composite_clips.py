"""Clips made of still images: an object cut out of one moves over another."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from salseg.datasets.base import Results, SetDataset, height_and_width
from salseg.datasets.concat import ConcatDataset
from salseg.datasets.transforms.base import mirrored
from salseg.datasets.transforms.warping import RandomAffine, affine_matrix, warp
from salseg.errors import ConfigError, DataError
from salseg.io.annotations import UNKNOWN
from salseg.registry import DATASETS


@DATASETS.register_module()
class CompositeClips(SetDataset):
    """Objects of one set pasted on images of another, each moved on its own in every frame (NPMCA-net, first stage).

    Objects of an image are pasted together; its void is not. All images of the sets that the object is not from are
    backgrounds with equal chance.

    Args:
        foregrounds: Data set of images with masks, or several as `ConcatDataset`, by config; its pipeline reads images and
            labels and does not pack.
        backgrounds: Data sets of images, likewise; labels are not read. Sets are told apart by their names.
        frames: Of a clip (T).
        size: (height, width) of the clip, or one number for a square; a part of that form is cut out of both images, around
            the object, and resized to it, so that shapes keep their aspect ratio.
        motion: Arguments of `RandomAffine`, drawn for object and background in every frame.
        flip: Probability that an image is mirrored, once for a clip.
        pipeline, seed, name: See `SetDataset`.

    Raises:
        ConfigError: A set of foregrounds has no other set to be its background.
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
        self._choices = {part.name: self._others(part.name) for part in parts_of(self.foregrounds)}

    def _others(self, name: str) -> list[range]:
        """Indices of the backgrounds that are not of a set."""
        begin, found = 0, []
        for part in parts_of(self.backgrounds):
            if part.name != name and len(part):
                found.append(range(begin, begin + len(part)))
            begin += len(part)
        if not found:
            raise ConfigError(
                f'CompositeClips: objects of {name} need a background from another set; name one in backgrounds.'
            )
        return found

    def __len__(self) -> int:
        return len(self.foregrounds)

    def describe(self, index: int) -> Results:
        """What the object's own set says of it."""
        return self.foregrounds.describe(index)

    def listed_files(self) -> Iterator[tuple[str, list[Path]]]:
        """Those of the objects, then those of the backgrounds."""
        yield from self.foregrounds.listed_files()
        yield from self.backgrounds.listed_files()

    def begin(self, epoch: int, index: int, draw: int | None = None) -> Results:
        """A clip with its labels, the object being 1, before its transforms."""
        rng = np.random.default_rng((self.seed, epoch, index, 1))
        front = self.foregrounds.get(epoch, index)
        back = self.backgrounds.get(epoch, self._background(rng, front['dataset']))
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

    def _background(self, rng: np.random.Generator, name: str) -> int:
        """Index of a background that is not of a set."""
        choices = self._choices[name]
        number = int(rng.integers(sum(map(len, choices))))
        for choice in choices:
            if number < len(choice):
                return choice[number]
            number -= len(choice)
        raise IndexError(number)

    def _fitted(self, rng: np.random.Generator, image: np.ndarray, *masks: np.ndarray) -> list[np.ndarray]:
        """The largest part of the clip's form, with the object in it, resized, and mirrored or not."""
        height, width = image.shape[:2]
        scale = min(height / self.size[0], width / self.size[1])
        sides = (max(round(self.size[0] * scale), 1), max(round(self.size[1] * scale), 1))
        window = _window(rng, image.shape[:2], sides, masks[0] if masks else None)
        flip = rng.random() < self.flip
        how = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
        fitted = [self._resized(image[window], how, flip)]
        return fitted + [self._resized(mask[window], cv2.INTER_NEAREST, flip) for mask in masks]

    def _resized(self, value: np.ndarray, how: int, flip: bool) -> np.ndarray:
        value = cv2.resize(np.ascontiguousarray(value), self.size[::-1], interpolation=how)
        return mirrored(value) if flip else value

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


def parts_of(data: SetDataset) -> list[SetDataset]:
    """The sets that a data set consists of: itself, or those that it joins."""
    if not isinstance(data, ConcatDataset):
        return [data]
    return [part for joined in data.datasets for part in parts_of(joined)]


def _window(
    rng: np.random.Generator, shape: Sequence[int], sides: Sequence[int], mask: np.ndarray | None
) -> tuple[slice, ...]:
    """A part of an image of ``shape``, of the lengths ``sides``, anywhere, or where it holds as much of an object as it can."""
    if mask is None:
        begins = [int(rng.integers(whole - side + 1)) for whole, side in zip(shape, sides)]
        return tuple(slice(begin, begin + side) for begin, side in zip(begins, sides))
    pixels = np.nonzero(mask)
    chosen = int(rng.integers(len(pixels[0])))
    found = []
    for whole, side, places in zip(shape, sides, pixels):
        first, end, point = int(places.min()), int(places.max()) + 1, int(places[chosen])
        if end - first <= side:
            low, high = max(end - side, 0), min(first, whole - side)
        else:
            # Some of the object is cut off; the drawn pixel stays.
            low, high = max(first, point - side + 1), min(point, end - side)
        begin = int(rng.integers(low, high + 1))
        found.append(slice(begin, begin + side))
    return tuple(found)
