"""Synthetic groups: images that have one category of object in common."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from salseg.datasets.synthetic.backgrounds import draw_backdrop, draw_exposure
from salseg.datasets.synthetic.colors import CATEGORIES, SEEN, draw_color, draw_palette
from salseg.datasets.synthetic.draws import VERSION, between, generator_at, image_size, shuffled
from salseg.datasets.synthetic.motion import develop
from salseg.datasets.synthetic.painting import Grid, Pose, draw_light, draw_object, paint
from salseg.errors import DataError

OBJECTS = 3
RADII = (0.15, 0.21)


@dataclass(frozen=True)
class GroupImage:
    """One image of a group.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        mask: (H, W) bool, the object of the common category.
        labels: (H, W) uint8, 0 background, 1 to 3 the objects in no particular order.
        category_ids: Category number of object 1, 2 and 3.
        shared: Which of the three is of the common category, 1 to 3.
    """

    image: np.ndarray
    mask: np.ndarray
    labels: np.ndarray
    category_ids: tuple[int, ...]
    shared: int


@dataclass(frozen=True)
class SyntheticGroup:
    """Images with one category in common.

    Attributes:
        images: The group's images.
        category: Number of the common category; ``CATEGORIES`` describes it.
        version: Version of the drawing.
    """

    images: tuple[GroupImage, ...]
    category: int
    version: int


def draw_group(
    seed: int,
    split: str,
    index: int,
    group_size: int = 5,
    size: int | tuple[int, int] = 160,
    categories: Sequence[int] = SEEN,
    version: int = VERSION,
) -> SyntheticGroup:
    """Group ``index`` of a split: every image has three objects, of which exactly one is of the common category.

    The other two are of other categories, and no second category is in all images of a group of two or more: which
    object is meant can be told from the group only. Image ``m`` is the same whatever ``group_size`` is.

    Args:
        group_size: Number of images, at least 1.
        size: Pixels of a square's side, or (height, width), at least 32.
        categories: Numbers of the categories that may occur, at least 5: ``SEEN`` for training, ``HELD_OUT`` to test on
            categories that were never trained on.

    Raises:
        DataError: An argument that cannot be drawn.
    """
    if group_size < 1:
        raise DataError(f'group_size is {group_size}; a group has at least 1 image.')
    images = tuple(
        draw_group_image(seed, split, index, member, size, categories, version) for member in range(group_size)
    )
    return SyntheticGroup(images, images[0].category_ids[images[0].shared - 1], version)


def draw_group_image(
    seed: int,
    split: str,
    index: int,
    member: int,
    size: int | tuple[int, int] = 160,
    categories: Sequence[int] = SEEN,
    version: int = VERSION,
) -> GroupImage:
    """Image ``member`` of group ``index``, without drawing the others; the arguments are those of `draw_group`.

    Raises:
        DataError: An argument that cannot be drawn.
    """
    grid = Grid(*image_size(size))
    order = shuffled(generator_at('group', seed, split, index, version), _checked(categories))
    common, others = order[0], order[1:]
    # Walking round the others in pairs puts each into at most every second image of a group.
    pair = [others[(2 * member + k) % len(others)] for k in range(OBJECTS - 1)]
    rng = generator_at(f'group-image/{index}', seed, split, member, version)
    numbers = tuple(shuffled(rng, [common, *pair]))
    shared = numbers.index(common) + 1
    canvas, labels = _scene(rng, grid, numbers)
    return GroupImage(develop(rng, canvas), labels == shared, labels, numbers, shared)


def _checked(categories: Sequence[int]) -> list[int]:
    numbers = sorted(set(categories))
    unknown = [number for number in numbers if number not in range(len(CATEGORIES))]
    if unknown:
        raise DataError(f'categories holds {unknown}; they are numbered from 0 to {len(CATEGORIES) - 1}.')
    if len(numbers) < 5:
        raise DataError(
            f'categories has {len(numbers)} different numbers; groups need at least 5 to choose from, or a '
            'second category would be common to all images.'
        )
    return numbers


def _scene(rng: np.random.Generator, grid: Grid, numbers: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    light = draw_light(rng)
    canvas = draw_backdrop(rng, draw_palette(rng, 5), contrast=(0.03, 0.1))(*grid.axes())
    labels = np.zeros((grid.height, grid.width), dtype=np.uint8)
    for label, (number, pose) in enumerate(zip(numbers, _apart(rng, grid)), 1):
        category = CATEGORIES[number]
        under = canvas[grid.box(pose.x, pose.y, 0.8 * pose.radius)].mean(axis=(0, 1))
        shades = [draw_color(rng, category.color) for _ in range(4)]
        color = max(shades, key=lambda shade: float(((shade - under) ** 2).sum()))
        labels[paint(canvas, draw_object(rng, pose, color, category.shape, category.texture), grid, light)] = label
    draw_exposure(rng).apply(canvas, grid)
    return canvas, labels


def _apart(rng: np.random.Generator, grid: Grid) -> list[Pose]:
    """Three poses inside the image that do not overlap, in random order; radii shrink where there is no room."""
    half_width, half_height = grid.width / grid.unit / 2, grid.height / grid.unit / 2
    shrink = 1.0
    while True:
        poses: list[Pose] = []
        for _ in range(40):
            radius = shrink * between(rng, *RADII)
            room_x, room_y = half_width - radius, half_height - radius
            x, y = between(rng, -room_x, room_x), between(rng, -room_y, room_y)
            if all(np.hypot(x - pose.x, y - pose.y) > 1.05 * (radius + pose.radius) for pose in poses):
                poses.append(Pose(x, y, radius, between(rng, 0, 6.2832)))
            if len(poses) == OBJECTS:
                return shuffled(rng, poses)
        shrink *= 0.95
