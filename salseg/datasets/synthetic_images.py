"""Synthetic images as a data set."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from salseg.datasets.base import Results, SetDataset, height_and_width
from salseg.datasets.synthetic.images import SyntheticImage, draw_image
from salseg.errors import ConfigError
from salseg.registry import DATASETS

# From the codes of scribble files (0 unknown, 1 object, 2 background) to labels.
_TO_LABEL = np.array([255, 1, 0], np.uint8)


@DATASETS.register_module()
class SyntheticImages(SetDataset):
    """Procedural images with masks and scribbles, drawn when requested; nothing is stored or downloaded.

    Args:
        length: Number of images.
        split: Name of the split; images of different splits differ.
        size: Side in pixels, or (height, width).
        labels: 'scribble' or 'mask', what training sees. Ground truth for the metrics is always the mask.
        world: Seed of the images themselves; ``seed`` is that of the augmentation.
        keep: Whether drawn images stay in memory (about 5 bytes a pixel) for later epochs.
        pipeline, seed, name: See `SetDataset`.

    Raises:
        ConfigError: Unknown labels.
    """

    def __init__(
        self,
        length: int,
        split: str = 'train',
        size: int | Sequence[int] = 160,
        labels: str = 'scribble',
        world: int = 0,
        keep: bool = True,
        pipeline: Sequence[Mapping[str, Any]] = (),
        seed: int = 0,
        name: str = 'synthetic',
    ) -> None:
        super().__init__(pipeline, seed, name)
        if labels not in ('scribble', 'mask') or length < 1:
            raise ConfigError(
                f"SyntheticImages: labels={labels!r} must be 'scribble' or 'mask', length={length} at least 1."
            )
        self.length = length
        self.split = split
        self.size = size if isinstance(size, int) else height_and_width(size)
        self.labels = labels
        self.world = world
        self.keep = keep
        self._drawn: dict[int, SyntheticImage] = {}

    def __len__(self) -> int:
        return self.length

    def listed_files(self) -> Iterator[tuple[str, list[Path]]]:
        """None: items are drawn."""
        return iter(())

    def describe(self, index: int) -> Results:
        """Image, label and truth of image ``index``."""
        drawn = self._drawn.get(index) or draw_image(self.world, self.split, index, self.size)
        if self.keep:
            self._drawn[index] = drawn
        scribble = self.labels == 'scribble'
        name = f'{self.split}_{index:05d}'
        return dict(
            set_id=name,
            frame_ids=[name],
            frame_paths=[name],
            frames=[drawn.image],
            label_paths=[None],
            label_kind=['scribble' if scribble else 'binary'],
            label_images=[_TO_LABEL[drawn.scribble] if scribble else drawn.mask.astype(np.uint8)],
            gt_maps=[drawn.mask.astype(np.uint8) * 255],
        )
