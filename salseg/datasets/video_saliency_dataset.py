"""Clips of videos with masks, sparsely annotated or not."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from salseg.datasets.base import Results, SetDataset
from salseg.datasets.sampling import clip_indices, triplet_indices, windows
from salseg.datasets.sampling.clips import Short
from salseg.datasets.video_layout import Video, find_videos, known_videos
from salseg.errors import ConfigError, DataError
from salseg.io.fields import Fields
from salseg.io.images import image_size
from salseg.io.lists import read_names
from salseg.io.record import FILE_NAME, read_record
from salseg.registry import DATASETS

Clip = tuple[int, list[int]]
PSEUDO_LABELS = 'precompute pseudo-labels'


@DATASETS.register_module()
class VideoSaliencyDataset(SetDataset):
    """Folders of frames and annotations; a set is a clip.

    Args:
        data_root: Folder of the data set.
        layout, image_folder, label_folder: See `find_videos`; by default the layout is found out.
        label_root: Folder of the annotations where they lie apart from the frames. The record of pseudo-labels beside
            annotations says which are kept truth, and in which encoding; the others are then soft.
        list_file: Videos to use, relative to ``data_root``; all by default.
        videos: Their names instead.
        encoding: Of the annotations: 'binary', 'soft', 'index' or 'union'; None for videos without annotations.
        clips: Frames that clips are cut from: 'labelled', annotated frames and ``between`` frames from one to the next;
            'all' frames; 'between', a triplet (label, frame, label) for every frame between kept labels; 'whole', each
            video as one item, for `SampleClip` as the first transform.
        length: Frames of a clip (T).
        label_interval: Keep every so-manieth annotation (l), in training.
        nominal_interval: Frames between annotations of the data set (d).
        between: Unlabelled frames per kept interval (m).
        spacing: Of those: 'even', or 'released', see `clip_indices`.
        training: Overlapping clips and thinned annotations; otherwise every frame belongs to a clip, clips do not
            overlap but for a video's last, and the ground truth of a frame is attached to the last clip that holds it,
            so that a measure counts it once.
        short: In training, a video with fewer frames than a clip repeats its last one ('repeat', as released) or is left
            out ('skip'): a generator that learns the middle label of three must never be given it as a neighbour's.
        gaps: A missing frame number: 'error' or 'allow'.
        pipeline, seed, name, pixel_mean, pixel_std: See `SetDataset`; the name is by default the root's.

    Raises:
        ConfigError: An option is unknown.
        DataError: Files are missing or do not belong together, or no clip is left.
    """

    input_type = 'clip'

    def __init__(
        self,
        data_root: str,
        layout: str | None = None,
        image_folder: str | None = None,
        label_folder: str | None = None,
        label_root: str | None = None,
        list_file: str | None = None,
        videos: Sequence[str] | None = None,
        encoding: str | None = 'binary',
        clips: Literal['labelled', 'all', 'between', 'whole'] = 'labelled',
        length: int = 4,
        label_interval: int = 1,
        nominal_interval: int = 1,
        between: int = 0,
        spacing: Literal['even', 'released'] = 'released',
        training: bool = True,
        short: Short = 'repeat',
        gaps: Literal['error', 'allow'] = 'error',
        pipeline: Sequence[Mapping[str, Any]] = (),
        seed: int = 0,
        name: str = '',
        pixel_mean: Sequence[float] | None = None,
        pixel_std: Sequence[float] | None = None,
    ) -> None:
        root = Path(data_root)
        super().__init__(pipeline, seed, name or root.name, pixel_mean, pixel_std)
        if (
            clips not in ('labelled', 'all', 'between', 'whole')
            or length < 1
            or label_interval < 1
            or nominal_interval < 1
        ):
            raise ConfigError(
                f"VideoSaliencyDataset: clips={clips!r} must be 'labelled', 'all', 'between' or 'whole'; length={length}, "
                f'label_interval={label_interval} and nominal_interval={nominal_interval} at least 1.'
            )
        self.data_root = root
        self.encoding, self.training, self.clips = encoding, training, clips
        self.length, self.label_interval, self.nominal_interval = length, label_interval, nominal_interval
        self.between, self.spacing = between, spacing
        self.short: Short = _checked_short(short, training)
        if list_file is not None:
            videos = read_names(root / list_file, known_videos(root, layout, image_folder))
        labels = None if label_root is None else Path(label_root)
        self.videos = find_videos(root, layout, image_folder, label_folder, labels, videos, encoding is not None, gaps)
        self.truth = _read_truth(labels or root)
        self.items: list[Clip] = [
            (number, clip) for number, video in enumerate(self.videos) for clip in self._clips_of(video)
        ]
        if not self.items:
            raise DataError(f'{root}: {len(self.videos)} videos give no clip: ' + self._why_none())
        self.scored = self._last_places()
        # Whole videos are asked for again and again, and their frames do not change.
        self._checked_videos: set[int] = set()

    def _why_none(self) -> str:
        if self.clips == 'between':
            return 'no video has two kept labels and a frame to label between them (between at least 1).'
        if self.short == 'skip':
            return f"none has {self.length} kept labels, and short='skip' leaves the others out."
        return 'none is annotated.'

    def settings(self) -> dict[str, Any]:
        """What decides which frames are used, for the record of pseudo-labels."""
        names = ('clips', 'length', 'label_interval', 'nominal_interval', 'between', 'spacing', 'training', 'encoding')
        return dict(data_root=str(self.data_root), **{name: getattr(self, name) for name in names})

    def kept(self, video: Video) -> list[int]:
        """Annotated frames that keep their label."""
        return video.labelled[:: self.label_interval] if self.training else video.labelled

    def _clips_of(self, video: Video) -> list[list[int]]:
        if self.clips == 'whole':
            return [list(range(len(video.frames)))]
        if self.clips == 'all':
            step = max(1, self.length - 1) if self.training else self.length
            return windows(range(len(video.frames)), self.length, step, short=self.short)
        if not video.labelled:
            return []
        try:
            if self.clips == 'between':
                interval = self.label_interval * self.nominal_interval
                return [list(t) for t in triplet_indices(self.kept(video), self.between, interval, self.spacing)]
            return clip_indices(
                len(video.frames),
                video.labelled,
                length=self.length,
                label_interval=self.label_interval,
                nominal_interval=self.nominal_interval,
                between=self.between,
                training=self.training,
                spacing=self.spacing,
                short=self.short,
            ).clips
        except ValueError as error:
            raise DataError(f'{self.name} / {video.name}: {error}') from error

    def _last_places(self) -> dict[tuple[int, int], tuple[int, int]]:
        """For every frame (video, index) the clip and the place in it that count: the last ones."""
        return {
            (number, frame): (item, place)
            for item, (number, clip) in enumerate(self.items)
            for place, frame in enumerate(clip)
        }

    def __len__(self) -> int:
        return len(self.items)

    def _label(self, item: int, place: int, kept: set[int]) -> tuple[str | None, str | None]:
        number, clip = self.items[item]
        video, frame = self.videos[number], clip[place]
        path = video.labels[frame]
        thinned = self.training and frame not in kept
        counted_elsewhere = not self.training and self.scored[number, frame] != (item, place)
        if path is None or self.encoding is None or thinned or counted_elsewhere:
            return None, self.encoding
        if self.truth is not None:
            encoding, kept_truth = self.truth
            return str(path), encoding if video.stems[frame] in kept_truth.get(video.name, ()) else 'soft'
        return str(path), self.encoding

    def ids_together(self, index: int) -> tuple[str, Callable[[], Sequence[Path]]] | None:
        """Annotations of the item's video that are truth, where they are ids."""
        video = self.videos[self.items[index][0]]
        if (self.encoding if self.truth is None else self.truth[0]) != 'index':
            return None
        truth = None if self.truth is None else self.truth[1].get(video.name, set())
        return f'{self.name} / {video.name}', lambda: [
            path
            for stem, path in zip(video.stems, video.labels)
            if path is not None and (truth is None or stem in truth)
        ]

    def listed_files(self) -> Iterator[tuple[str, list[Path]]]:
        """Frames and annotations of each video, whose clips overlap."""
        for video in self.videos:
            yield video.name, [*video.frames, *(path for path in video.labels if path is not None)]

    def describe(self, index: int) -> Results:
        """Paths of one clip.

        Raises:
            DataError: Its frames differ in size.
        """
        number, clip = self.items[index]
        video = self.videos[number]
        if self.clips != 'whole' or number not in self._checked_videos:
            _check_sizes([video.frames[frame] for frame in dict.fromkeys(clip)])
            self._checked_videos.add(number)
        kept = set(self.kept(video))
        labels = [self._label(index, place, kept) for place in range(len(clip))]
        # In training clips overlap, and nothing is saved.
        saved = {} if self.training else dict(saved=[self.scored[number, f] == (index, p) for p, f in enumerate(clip)])
        return dict(
            **saved,
            set_id=video.name,
            ordered=True,
            frame_ids=[video.stems[frame] for frame in clip],
            frame_paths=[str(video.frames[frame]) for frame in clip],
            label_paths=[path for path, _ in labels],
            label_kind=[kind for _, kind in labels],
        )


def _checked_short(short: Short, training: bool) -> Short:
    if short not in ('repeat', 'skip') or (short == 'skip' and not training):
        raise ConfigError(
            f"VideoSaliencyDataset: short={short!r}; expected 'repeat' or 'skip', and 'skip' in training only: a test set "
            'keeps all its frames.'
        )
    return short


def _check_sizes(frames: list[Path]) -> None:
    first = image_size(frames[0])
    for path in frames[1:]:
        size = image_size(path)
        if size != first:
            raise DataError(
                f'frames of one video differ in size (height, width): {frames[0]} is {first}, {path} is {size}. '
                'Convert the video anew with one size; flow and clips need it.'
            )


def _read_truth(folder: Path) -> tuple[str, dict[str, set[str]]] | None:
    """Of pseudo-labels the encoding of kept truth and its frames by video; None for a folder of other annotations."""
    record = read_record(folder)
    if record is None or record.command != PSEUDO_LABELS:
        return None
    where = folder / FILE_NAME
    kept = {name: set(Fields(item, where, f'items: {name}: ').texts('kept')) for name, item in record.items.items()}
    return Fields(record.settings, where, 'settings: ').text('encoding'), kept
