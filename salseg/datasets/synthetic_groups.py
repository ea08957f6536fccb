"""Synthetic groups as a data set."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from salseg.datasets.base import Results, SetDataset, height_and_width
from salseg.datasets.synthetic.colors import HELD_OUT, SEEN
from salseg.datasets.synthetic.groups import draw_group_image
from salseg.errors import ConfigError
from salseg.registry import DATASETS

_CATEGORIES = {'seen': SEEN, 'held-out': HELD_OUT}


@DATASETS.register_module()
class SyntheticGroups(SetDataset):
    """Procedural groups: three objects in every image, one of the category that the group has in common.

    Args:
        length: Number of groups.
        group_size: Images per group.
        split: Name of the split; groups of different splits differ.
        size: Side in pixels, or (height, width).
        categories: 'seen' or 'held-out': no category is in both, so what was learnt of the kinds themselves is of no
            use on the others.
        labels: 'shared', the common object alone, or 'objects', all three, for training before groups.
        companions: 'true', or 'shuffled': each image is of another group, so that nothing is in common; the truth
            stays that of the image's own group.
        world: Seed of the images themselves; ``seed`` is that of the augmentation.
        pipeline, seed, name: See `SetDataset`.

    Raises:
        ConfigError: An option is unknown.
    """

    input_type = 'group'

    def __init__(
        self,
        length: int,
        group_size: int = 5,
        split: str = 'train',
        size: int | Sequence[int] = 160,
        categories: Literal['seen', 'held-out'] = 'seen',
        labels: Literal['shared', 'objects'] = 'shared',
        companions: Literal['true', 'shuffled'] = 'true',
        world: int = 0,
        pipeline: Sequence[Mapping[str, Any]] = (),
        seed: int = 0,
        name: str = 'synthetic groups',
    ) -> None:
        super().__init__(pipeline, seed, name)
        known = categories in _CATEGORIES and labels in ('shared', 'objects')
        if not known or companions not in ('true', 'shuffled'):
            raise ConfigError(
                f"SyntheticGroups: categories={categories!r} is 'seen' or 'held-out', labels={labels!r} 'shared' or "
                f"'objects', companions={companions!r} 'true' or 'shuffled'."
            )
        if length < 1 or group_size < 1:
            raise ConfigError(f'SyntheticGroups: length={length} and group_size={group_size} are at least 1.')
        self.length = length
        self.group_size = group_size
        self.split = split
        self.size = size if isinstance(size, int) else height_and_width(size)
        self.categories = _CATEGORIES[categories]
        self.labels = labels
        self.companions = companions
        self.world = world

    def __len__(self) -> int:
        return self.length

    def listed_files(self) -> Iterator[tuple[str, list[Path]]]:
        """None: items are drawn."""
        return iter(())

    def describe(self, index: int) -> Results:
        """Images, labels and truth of group ``index``."""
        spread = self.companions == 'shuffled'
        places = [((index + member * spread) % self.length, member) for member in range(self.group_size)]
        drawn = [draw_group_image(self.world, self.split, *place, self.size, self.categories) for place in places]
        masks = [(image.mask if self.labels == 'shared' else image.labels > 0).astype(np.uint8) for image in drawn]
        names = [f'{self.split}_{group:05d}_{member:02d}' for group, member in places]
        return dict(
            set_id=f'{self.split}_{index:05d}',
            frame_ids=names,
            frame_paths=names,
            frames=[image.image for image in drawn],
            label_paths=[None] * len(names),
            label_kind=['binary'] * len(names),
            label_images=masks,
            gt_maps=[mask * 255 for mask in masks],
        )
