"""Videos of objects to train trackers on: masks of several objects, or boxes."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from salseg.datasets.base import Results, SetDataset
from salseg.datasets.prompted_layouts import LAYOUTS, PromptedVideo, check_prompt_encoding, checked_options
from salseg.errors import DataError
from salseg.io.box_files import BoxTable, read_boxes
from salseg.io.listing import by_stem, check_root
from salseg.io.lists import read_names
from salseg.registry import DATASETS

Video = tuple[str, list[str], list[Path], list[Path | None], list[dict] | None]


@DATASETS.register_module()
class ObjectVideos(SetDataset):
    """An item is a whole video, from which `SampleClip`, first in the pipeline, takes a few frames.

    With masks only annotated frames are used. With boxes no mask is looked for.

    Args:
        data_root: Folder of the data set.
        layout: 'davis', 'youtube_vos', 'folders'; see `PromptedVideos`.
        list_file: Videos to use, relative to the root; all by default.
        encoding: Of the annotations: 'index' (ids), 'binary' (masks of one object) or 'union' (ids of which all are one
            object).
        layout_options: Further options of the layout.
        boxes: File of boxes, see `salseg.io.box_files.read_boxes`; relative to the root.
        min_frames: Shorter videos are left out; their names are in ``short``.
        repeats: How often every video stands in an epoch.
        pipeline, seed, name, pixel_mean, pixel_std: See `SetDataset`.

    Attributes:
        videos: Name, frames, images, annotations and boxes of each.
        short: Names of the videos left out.

    Raises:
        DataError: An option is unknown, the tree lacks something, boxes belong to frames that do not exist, or no video
            is left.
    """

    input_type = 'clip'

    def __init__(
        self,
        data_root: str,
        layout: str = 'davis',
        list_file: str | None = None,
        encoding: str = 'index',
        layout_options: Mapping[str, Any] | None = None,
        boxes: str | None = None,
        min_frames: int = 1,
        repeats: int = 1,
        pipeline: Sequence[Mapping[str, Any]] = (),
        seed: int = 0,
        name: str = '',
        pixel_mean: Sequence[float] | None = None,
        pixel_std: Sequence[float] | None = None,
    ) -> None:
        root = Path(data_root)
        super().__init__(pipeline, seed, name or root.name, pixel_mean, pixel_std)
        if layout not in ('davis', 'youtube_vos', 'folders') or repeats < 1:
            raise DataError(
                f"ObjectVideos: layout={layout!r}, repeats={repeats}; expected 'davis', 'youtube_vos' or 'folders', and "
                'at least 1.'
            )
        check_root(root)
        check_prompt_encoding(encoding)
        self.encoding = encoding
        options = checked_options(layout, layout_options)
        if boxes is None:
            found = [_with_masks(video) for video in LAYOUTS[layout].read(root, list_file, **options)]
        else:
            image_folder = root / 'JPEGImages'
            if layout == 'davis':
                image_folder /= options.get('resolution', '480p')
            found = _with_boxes(image_folder, root / boxes, read_names(root / list_file) if list_file else None)
        self.short = [video[0] for video in found if len(video[1]) < min_frames]
        self.videos: list[Video] = [video for video in found if len(video[1]) >= min_frames]
        self.repeats = repeats
        if not self.videos:
            raise DataError(f'{root}: none of {len(found)} videos has {min_frames} frames.')

    def __len__(self) -> int:
        return len(self.videos) * self.repeats

    def ids_together(self, index: int) -> tuple[str, Callable[[], Sequence[Path]]] | None:
        """Annotations of the item's video, where they are ids."""
        if self.encoding != 'index':
            return None
        name, _, _, labels, _ = self.videos[index % len(self.videos)]
        return f'{self.name} / {name}', lambda: [path for path in labels if path is not None]

    def describe(self, index: int) -> Results:
        """Paths of all frames of a video."""
        name, frames, images, labels, boxes = self.videos[index % len(self.videos)]
        given = {} if boxes is None else dict(given_boxes=list(boxes))
        return dict(
            set_id=name,
            ordered=True,
            frame_ids=list(frames),
            frame_paths=[str(path) for path in images],
            label_paths=[None if path is None else str(path) for path in labels],
            label_kind=[None if path is None else self.encoding for path in labels],
            **given,
        )


def _with_masks(video: PromptedVideo) -> Video:
    frames = [frame for frame in video.images if frame in video.labels]
    return video.name, frames, [video.images[f] for f in frames], [video.labels[f][0] for f in frames], None


def _with_boxes(image_folder: Path, file: Path, names: list[str] | None) -> list[Video]:
    table: BoxTable = read_boxes(file)
    known = {place for place, _ in table}
    found: list[Video] = []
    for name in names or sorted(known):
        if name not in known:
            raise DataError(f'{file} has no box of the video {name!r}; its videos: {", ".join(sorted(known)[:8])} ...')
        images = by_stem(image_folder / name)
        strange = [frame for place, frame in table if place == name and frame not in images]
        if strange:
            raise DataError(
                f'{file} has a box in frame {strange[0]!r} of {name}, but {image_folder / name} has no such frame.'
            )
        labels: list[Path | None] = [None] * len(images)
        boxes = [table.get((name, frame), {}) for frame in images]
        found.append((name, list(images), list(images.values()), labels, boxes))
    return found
