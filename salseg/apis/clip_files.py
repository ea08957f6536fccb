"""Write the maps of a video, and a video of them, as its frames come; a call that was killed is resumed."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path

import numpy as np

from salseg.apis.clips import ClipPredictor
from salseg.apis.overlapping import Background, map_ahead, read_ahead
from salseg.apis.predictor import Prediction
from salseg.apis.results import ResultFolder, checked_kinds, describe
from salseg.errors import DataError
from salseg.io.annotations import read_map
from salseg.io.fields import Fields
from salseg.io.record import FILE_NAME, FileMark
from salseg.io.video_writing import VideoWriter
from salseg.io.videos import FrameSource
from salseg.visualization import overlay_map
from salseg.visualization.report.predictions import Entry, write_prediction_page

VIDEO, REPORT = 'overlay.mp4', 'report.html'
_PAGE_FRAMES = 60
Progress = Callable[[int, int | None], None]


def predict_video(
    predictor: ClipPredictor,
    source: str | Path | int | FrameSource,
    out: str | Path,
    save: Iterable[str] = ('mask', 'video'),
    progress: Progress | None = None,
    overwrite: bool = False,
    max_frames: int | None = None,
    allow_gaps: bool = False,
) -> int:
    """Predict a video; write its maps and an overlay video.

    Frames are read by a thread while the network computes and another one writes. A call that was killed is resumed
    when it is repeated, and one that had finished is not repeated; the results are the same as without the interruption.
    A camera ends with a KeyboardInterrupt, and its video is whole.

    Args:
        predictor: The model.
        source: Video file, folder of frames, or camera index.
        out: Folder; ``mask/<frame>.png``, ``overlay/<frame>.png``, ``cutout/<frame>.png``, ``overlay.mp4``,
            ``report.html``.
        save: Some of 'mask', 'overlay', 'cutout', 'video', 'report'.
        progress: Called with frames done and in all (None if unknown), after the files of a frame were written.
        overwrite: Replace the results of another model or video.
        max_frames: Stop after so many frames.
        allow_gaps: Whether the numbers of a folder's frames may have gaps.

    Returns:
        Frames in all. ``damage`` of the source then says whether its file was cut off.

    Raises:
        DataError: The source cannot be read; a frame is missing in a folder's numbering; an unknown kind; the folder holds
            results of another model or video, or cannot be written.
    """
    kinds = checked_kinds(save, 'clip')
    given = source if isinstance(source, FrameSource) else FrameSource(source)
    if not allow_gaps:
        given.check_numbers()
    if given.live and 'report' in kinds:
        raise DataError('--save report: a camera cannot be looked at twice; ask for mask, overlay, cutout or video.')
    folder = ResultFolder(out, kinds, flat=False)
    # The first frame is read before anything is written, so that what is no video leaves nothing behind.
    if not given.live:
        next(given.frames())
    wanted = describe(predictor, frames_together=predictor.length, video=_identity(given))
    folder.open(wanted, folder.paths(given.name(0)), overwrite)
    run = _Run(predictor, given, folder, max_frames)
    if not run.is_finished():
        run.write(progress)
    if not given.live and run.count:
        run.finish()
    if 'report' in kinds:
        _write_report(given, folder, run.count)
    return run.count


def _identity(source: FrameSource) -> str:
    """Which video it is: frames of two videos have the same names."""
    return f'camera {source.source}' if source.live else str(Path(str(source.source)).resolve())


class _Run:
    """One video on its way into one folder."""

    def __init__(
        self, predictor: ClipPredictor, source: FrameSource, folder: ResultFolder, max_frames: int | None
    ) -> None:
        self.predictor, self.source, self.folder, self.max_frames = predictor, source, folder, max_frames
        self.count = 0
        self.total = None if source.names is None else len(source.names)
        if source.names is None and source.announced:
            self.total = source.announced
        if max_frames is not None:
            self.total = max_frames if self.total is None else min(max_frames, self.total)

    def sources(self, number: int) -> list[Path]:
        """What a frame's results depend on: its image, or the video's file."""
        files = self.source.files
        return files[number : number + 1] if self.source.names is not None else files

    def is_finished(self) -> bool:
        """Whether an earlier call wrote all that is requested."""
        if self.source.live or not self.folder.record.result:
            return False
        found = Fields(self.folder.record.result, self.folder.out / FILE_NAME, 'result: ')
        if found.values.get('max_frames', -1) != self.max_frames or found.values.get('names') != self.source.names:
            return False
        most = None if self.source.names is None else len(self.source.names)
        frames, damage = found.number('frames', 1, most), found.text('damage')
        fresh = all(self.folder.is_done(self.source.name(n), self.sources(n)) for n in range(frames))
        video = 'video' not in self.folder.kinds or self.folder.is_fresh(self.folder.out / VIDEO, self.source.files)
        if fresh and video:
            self.count, self.source.damage = frames, damage
        return fresh and video

    def finish(self) -> None:
        """Record that all frames are there."""
        self.folder.record.inputs = {path.name: FileMark.of(path) for path in self.source.files}
        self.folder.finish(
            frames=self.count, max_frames=self.max_frames, names=self.source.names, damage=self.source.damage
        )

    def written(self) -> int:
        """Frames from the first on whose results are there."""
        if self.source.live or 'mask' not in self.folder.kinds:
            return 0
        number = 0
        limit = len(self.source.names) if self.source.names is not None else None
        while (limit is None or number < limit) and self.folder.is_done(self.source.name(number), self.sources(number)):
            number += 1
        return number

    def frames(self, start: int) -> Iterator[tuple[str, np.ndarray]]:
        """Name and image from a frame on."""
        stop = None if self.max_frames is None else max(0, self.max_frames - start)
        with closing(self.source.frames(start)) as images:
            for number, image in enumerate(islice(images, stop), start):
                yield self.source.name(number), image

    def write(self, progress: Progress | None) -> None:
        """Compute and write what is not there."""
        before = self.written()
        start = self.predictor.restart(before)
        with ExitStack() as stack:
            video = None
            if 'video' in self.folder.kinds:
                video = stack.enter_context(VideoWriter(self.folder.out / VIDEO, self.source.fps))
                self._replay(video, start)
            self.count = start

            def written(_: None) -> None:
                self.count += 1
                if progress is not None:
                    progress(self.count, self.total)

            try:
                # One thread, as a video is written in order.
                with Background(workers=1, ahead=4) as writing:
                    for number, frame in enumerate(self.predictor(self._incoming(start)), start):
                        writing.submit(self._save, frame, video, number >= before, then=written)
            except KeyboardInterrupt:
                # A camera has no other end.
                if not self.source.live:
                    raise

    def _incoming(self, start: int) -> Iterator[tuple[str, np.ndarray]]:
        return self.frames(start) if self.source.live else read_ahead(self.frames(start))

    def _save(self, frame: Prediction, video: VideoWriter | None, new: bool) -> None:
        if new:
            self.folder.write(frame, frame.name)
        if video is not None:
            _add(video, frame)

    def _replay(self, video: VideoWriter, stop: int) -> None:
        """The video's part that an earlier call had written."""
        for _, (name, image) in zip(range(stop), self.frames(0) if stop else ()):
            _add(video, Prediction(image, read_map(self.folder.path('mask', name))))


def _add(video: VideoWriter, frame: Prediction) -> None:
    video.write(overlay_map(frame.image, frame.saliency))


def _write_report(source: FrameSource, folder: ResultFolder, count: int) -> Path:
    """A page with some frames, evenly spaced."""
    step = max(1, -(-count // _PAGE_FRAMES))
    frames = islice(enumerate(source.frames()), 0, count, step)

    def load(numbered: tuple[int, np.ndarray]) -> Entry:
        name = source.name(numbered[0])
        return Entry(name, numbered[1], read_map(folder.path('mask', name)))

    title = f'Saliency maps of {Path(str(source.source)).name}'
    return write_prediction_page(map_ahead(load, frames), count, folder.out / REPORT, title)
