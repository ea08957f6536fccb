"""Videos with prompts: test data of video object segmentation, frame by frame."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from salseg.datasets.base import Results, SetDataset
from salseg.datasets.prompted_layouts import LAYOUTS, PromptedVideo, check_prompt_encoding, checked_options
from salseg.errors import DataError
from salseg.io.listing import check_root
from salseg.registry import DATASETS


@DATASETS.register_module()
class PromptedVideos(SetDataset):
    """An item is one frame; a video's frames follow each other. Use it with a `VideoSampler` and batch size 1.

    Args:
        data_root: Folder of the data set.
        layout: 'davis', 'youtube_vos', 'long_time', 'segtrack', or 'folders' (``JPEGImages/<video>``,
            ``Annotations/<video>``).
        list_file: Videos to use, relative to the root; all by default.
        encoding: Of the annotations: 'index' (ids), 'binary' (masks of one object, or a file per object) or 'union' (ids of
            which all are one object); by default the layout's own, 'binary' for 'segtrack' and 'index' for the others.
        layout_options: Further options of the layout: ``resolution`` of DAVIS, ``all_frames`` of YouTube-VOS.
        prompt: What the model is given of the annotated masks, 'mask' or 'box', the smallest one around each.
        merge_objects: Whether all objects of a video count as one, with id 1 (the DAVIS 2016 task).
        pipeline, seed, name, pixel_mean, pixel_std: See `SetDataset`.

    Attributes:
        videos: What was found.

    Raises:
        DataError: An option is unknown, or the tree lacks something.
    """

    input_type = 'video'

    def __init__(
        self,
        data_root: str,
        layout: str = 'davis',
        list_file: str | None = None,
        encoding: str | None = None,
        layout_options: Mapping[str, Any] | None = None,
        prompt: str = 'mask',
        merge_objects: bool = False,
        pipeline: Sequence[Mapping[str, Any]] = (),
        seed: int = 0,
        name: str = '',
        pixel_mean: Sequence[float] | None = None,
        pixel_std: Sequence[float] | None = None,
    ) -> None:
        root = Path(data_root)
        super().__init__(pipeline, seed, name or root.name, pixel_mean, pixel_std)
        if layout not in LAYOUTS or prompt not in ('mask', 'box'):
            raise DataError(
                f'PromptedVideos: layout={layout!r}, prompt={prompt!r}; expected one of {", ".join(LAYOUTS)} and mask '
                'or box.'
            )
        options = checked_options(layout, layout_options)
        check_root(root)
        check_prompt_encoding(encoding)
        found: list[PromptedVideo] = LAYOUTS[layout].read(root, list_file, **options)
        self.videos = [replace(video, encoding=encoding or video.encoding) for video in found]
        self.prompt = prompt
        self.merge_objects = merge_objects
        self._starts = [0]
        for video in self.videos:
            self._starts.append(self._starts[-1] + len(video.frames))

    @property
    def video_lengths(self) -> list[int]:
        """Frames of each video, in the order of the items."""
        return [len(video.frames) for video in self.videos]

    @property
    def has_truth(self) -> bool:
        """Whether more is annotated than what is given, as in all splits but those whose truth a server keeps."""
        return any(frame not in video.prompts for video in self.videos for frame in video.labels)

    def __len__(self) -> int:
        return self._starts[-1]

    def ids_together(self, index: int) -> tuple[str, Callable[[], Sequence[Path]]] | None:
        """Annotations of the item's video, where they are ids."""
        video = self.videos[bisect_right(self._starts, index) - 1]
        if video.encoding != 'index':
            return None
        return f'{self.name} / {video.name}', lambda: [path for paths in video.labels.values() for path in paths]

    def describe(self, index: int) -> Results:
        """One frame: its paths, its place in the video, and the ids that are given in it."""
        number = bisect_right(self._starts, index) - 1
        video, place = self.videos[number], index - self._starts[number]
        frame = video.frames[place]
        return dict(
            set_id=video.name,
            frame_ids=[frame],
            frame_paths=[str(video.images[frame])],
            ordered=True,
            frame_index=place,
            video_length=len(video.frames),
            annotation=video.labels.get(frame, ()),
            encoding=video.encoding,
            prompted=frame in video.prompts,
            prompt_ids=video.prompts.get(frame),
            prompt_kind=self.prompt,
            merge_objects=self.merge_objects,
            saved=[video.saved is None or frame in video.saved],
        )
