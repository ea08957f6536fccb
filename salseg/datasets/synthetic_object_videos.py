"""Synthetic videos of objects, to train trackers on without files."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from salseg.datasets.base import Results, SetDataset, height_and_width
from salseg.datasets.synthetic.videos import draw_video
from salseg.errors import ConfigError
from salseg.registry import DATASETS


@DATASETS.register_module()
class SyntheticObjectVideos(SetDataset):
    """An item is a whole procedural video with masks, from which `SampleClip` takes a few frames.

    Args:
        length: Number of videos.
        frames: Of each video.
        split: Name of the split; videos of different splits differ.
        size: Side in pixels, or (height, width).
        options: Further arguments of `salseg.datasets.synthetic.draw_video`: ``objects``, ``look_alikes``, ...
        world: Seed of the videos themselves; ``seed`` is that of the augmentation.
        keep: Whether drawn videos stay in memory (4 bytes a pixel and frame) for later epochs.
        pipeline, seed, name: See `SetDataset`.

    Raises:
        ConfigError: A number is not positive.
    """

    input_type = 'clip'

    def __init__(
        self,
        length: int,
        frames: int = 24,
        split: str = 'train',
        size: int | Sequence[int] = 96,
        options: Mapping[str, Any] | None = None,
        world: int = 0,
        keep: bool = True,
        pipeline: Sequence[Mapping[str, Any]] = (),
        seed: int = 0,
        name: str = 'synthetic videos',
    ) -> None:
        super().__init__(pipeline, seed, name)
        if length < 1 or frames < 1:
            raise ConfigError(f'SyntheticObjectVideos: length={length} and frames={frames} must be at least 1.')
        self.length, self.frames, self.split, self.world, self.keep = length, frames, split, world, keep
        self.size = size if isinstance(size, int) else height_and_width(size)
        self.options = dict(options or {})
        self._drawn: dict[int, tuple[list[np.ndarray], list[np.ndarray]]] = {}

    def __len__(self) -> int:
        return self.length

    def listed_files(self) -> Iterator[tuple[str, list[Path]]]:
        """None: items are drawn."""
        return iter(())

    def describe(self, index: int) -> Results:
        """All frames of a video with their labels."""
        images, labels = self._drawn.get(index) or self._draw(index)
        name = f'{self.split}_{index:05d}'
        ids = [f'{t:05d}' for t in range(self.frames)]
        return dict(
            set_id=name,
            ordered=True,
            frame_ids=ids,
            frame_paths=[f'{name}/{frame}' for frame in ids],
            frames=list(images),
            label_paths=[None] * self.frames,
            label_kind=['index'] * self.frames,
            label_images=list(labels),
        )

    def _draw(self, index: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
        video = draw_video(self.world, self.split, index, length=self.frames, size=self.size, **self.options)
        drawn = list(video)
        found = [frame.image for frame in drawn], [frame.labels for frame in drawn]
        if self.keep:
            self._drawn[index] = found
        return found
