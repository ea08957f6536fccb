"""Track objects through a video and write what was found, frame by frame."""

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from salseg.apis.track_files import (
    MASKS,
    OBJECTS,
    OVERLAY,
    REPORT,
    RLE,
    STATE,
    STATES,
    ObjectTrack,
    TrackFolder,
    checked_threshold,
    look,
    matte_of,
    objects_csv,
    summarise,
)
from salseg.apis.track_records import begin_correction, check_numbers, clear, describe, holds_nothing, keep_whole
from salseg.engine.checkpoint import load_file, save_file
from salseg.errors import DataError, NotFinite
from salseg.io.fields import Fields
from salseg.io.files import owning, write_text
from salseg.io.record import FILE_NAME, REPLACE, FileMark, RunRecord, begin, read_record, write_record
from salseg.io.video_writing import VideoWriter
from salseg.io.videos import FrameSource
from salseg.propagation import MergedPropagator, Prompt, Propagator, TrackPlan, check_permanent
from salseg.visualization.palette import overlay_labels

LOST_BELOW = 0.6


@dataclass(frozen=True)
class TrackReport:
    """Summary of a tracked video.

    Attributes:
        frames: Tracked in all.
        resumed_at: Frame at which this call began; 0 unless it resumed an interrupted one or made a correction.
        object_ids: Tracked at the end.
        masks: Folder of the palette PNGs.
        overlay: Video with the objects tinted, or None.
        damage: Why the video's file is not whole, as a sentence; empty where it is.
        objects: What became of each.
        rle: COCO file with all masks, or None.
        alpha: Video or folder with the objects cut out, or None.
    """

    frames: int
    resumed_at: int
    object_ids: tuple[int, ...]
    masks: str
    overlay: str | None
    damage: str = ''
    objects: list[ObjectTrack] = field(default_factory=list)
    rle: str | None = None
    alpha: str | None = None


def track(
    propagator: Propagator | MergedPropagator,
    source: str | Path | int | FrameSource,
    prompts: Mapping[int, Prompt],
    out: str | Path,
    overlay: bool = True,
    state_every: int = 50,
    max_frames: int | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
    allow_gaps: bool = False,
    backward: bool = False,
    permanent: Collection[int] = (),
    every: int = 1,
    correct: bool = False,
    keep_states: bool = False,
    rle: bool = False,
    alpha: bool = False,
    lost_below: float = LOST_BELOW,
    found: Mapping[str, Any] | None = None,
) -> TrackReport:
    """Track objects and write ``<out>/masks/<frame>.png`` (palette, ids as given), ``overlay.mp4`` and ``objects.csv``.

    A call that was killed is resumed when it is repeated: every ``state_every`` frames the model's state is stored
    beside the results, and the results are the same as without the interruption.

    Args:
        propagator: The model, freshly reset.
        source: Folder of images, video file, camera number.
        prompts: By the number of the frame, from 0. Several for an object correct it; such frames stay in the memory.
        out: Folder for the results.
        overlay: Whether the overlay video is written.
        state_every: Frames between two stored states; 0 stores none. A camera is never resumed.
        max_frames: Stop after so many frames of the video; needed for a camera that is not to run for ever.
        overwrite: Replace the results of another call in the same folder.
        progress: Called with the frames done and in all (None if unknown), of both passes.
        allow_gaps: Whether the numbers of a folder's frames may have gaps.
        backward: Answer frames before an object's first prompt too, by a pass against time, see `TrackPlan`.
        permanent: Frames without a prompt that stay in the memory for good, with what is found in them.
        every: Track every n-th frame, besides those with a prompt and permanent ones; others get no result.
        correct: The folder may hold a call that differs in prompts or permanent frames only: what lies before the first
            difference stays as it is, and the video is tracked anew from there.
        keep_states: Keep all stored states, so that a correction resumes at the one before it instead of reading from
            frame 0 what it does not write again.
        rle: Write ``rle.json``, all masks as a COCO file.
        alpha: Write ``matte/<frame>.png``, the objects' probability together, and ``alpha.mov`` (ProRes 4444).
        lost_below: An object is lost in a frame where it is tracked and has no pixel, or where its mean probability
            inside its mask is below this.
        found: How the prompts were found, where no user gave them (`ObjectFinder.facts`): kept in the record.

    Raises:
        DataError: There is no prompt; the folder holds results of another call; a frame or a prompt cannot be used; a
            frame is missing in a folder's numbering; a camera is to be tracked backwards.
        ConfigError: The model cannot keep frames without a prompt.
    """
    plan = TrackPlan(dict(prompts), backward, sorted(set(permanent)), every)
    source = source if isinstance(source, FrameSource) else FrameSource(source)
    if source.live and (backward or rle or alpha):
        raise DataError('a camera is seen once: it is not tracked backwards, and gives masks and an overlay only.')
    if not allow_gaps:
        source.check_numbers()
    runs = getattr(propagator, 'runs', [propagator])
    for run in runs if plan.permanent else ():
        check_permanent(run.model)
    check_numbers(source, max_frames, plan)
    choices = dict(lost_below=checked_threshold(lost_below), alpha=alpha, **({'found': dict(found)} if found else {}))
    with owning(out):
        return _track(
            propagator, runs, source, plan, Path(out), choices, overlay, state_every, max_frames, overwrite, progress, correct,
            keep_states, rle,
        )  # fmt: skip


def _track(
    propagator: Any,
    runs: Sequence[Any],
    source: FrameSource,
    plan: TrackPlan,
    out: Path,
    choices: Mapping[str, Any],
    overlay: bool,
    state_every: int,
    max_frames: int | None,
    overwrite: bool,
    progress: Callable[[int, int | None], None] | None,
    correct: bool,
    keep_states: bool,
    rle: bool,
) -> TrackReport:
    folder = TrackFolder(out, source)
    wanted = describe(runs, source, plan, max_frames, choices)
    if correct and overwrite:
        raise DataError('--correct keeps what lies before the correction, --overwrite removes it: give one of them.')
    earlier = read_record(folder.out) if correct else None
    if earlier is not None and earlier.command == 'track':
        begin_correction(folder, earlier, wanted, plan)
    elif overwrite or holds_nothing(folder):
        clear(folder, wanted)
    record = begin(folder.out, wanted, REPLACE, shared=True)
    if record.state == 'done' and not keep_whole(folder, record):
        record = begin(folder.out, wanted, REPLACE, shared=True)
    call = _Call(propagator, folder, plan, record, max_frames)
    if record.state != 'done':
        call.run(overlay, state_every, keep_states, progress)
    return call.report(overlay, rle)


class _Call:
    """One video on its way into one folder."""

    def __init__(
        self, propagator: Any, folder: TrackFolder, plan: TrackPlan, record: RunRecord, max_frames: int | None
    ) -> None:
        self.propagator, self.folder, self.plan, self.record = propagator, folder, plan, record
        self.source, self.max_frames = folder.source, max_frames
        self.alpha = bool(record.settings['alpha'])
        # Before a correction nothing is written again: on a GPU the last bit could differ.
        self.kept = int(record.items.get('kept', {}).get('until', 0))
        self.done = 0

    def run(
        self, overlay: bool, state_every: int, keep_states: bool, progress: Callable[[int, int | None], None] | None
    ) -> None:
        """Track what is not there."""
        began = time.monotonic()
        plan, source, folder = self.plan, self.source, self.folder
        folder.cut_log()
        stored = None if source.live else self._stored()
        if stored is not None and not self._holds_all(int(stored['next']), bool(stored['backward'])):
            # Masks were removed since: what the state stands on is not there.
            stored = None
        start, in_backward = plan.begin, bool(plan.turn)
        begun = 0
        if stored is not None:
            self.propagator.restore(stored['snapshot'])
            begun, in_backward = int(stored['next']), bool(stored['backward'])
            start = begun if not in_backward else start
        total = self._total()

        def after(number: int, backward: bool, last: bool) -> None:
            self.done += 1
            if state_every and self.done % state_every == 0 and not last and not source.live:
                self._store(number - 1 if backward else number + 1, backward, keep_states)
            if progress is not None:
                progress(self.done, total)

        if in_backward:
            first = begun if stored is not None else plan.turn
            self.done = sum(map(plan.visits, range(first + 1, plan.turn + 1)))
            self._track_backward(first, after)
            self.propagator.reset()
        self.done = sum(map(plan.visits, range(plan.turn + 1))) if plan.turn else 0
        self.done += sum(map(plan.visits, range(plan.begin, start)))
        with ExitStack() as stack:
            video = None
            if overlay:
                video = stack.enter_context(VideoWriter(folder.out / OVERLAY, source.fps / plan.every))
                if start:
                    folder.replay(video, plan.visits, start)
            end = self._track_forward(start, video, after)
            self._check_end(end)
        self._finish(begun, time.monotonic() - began)

    def _total(self) -> int | None:
        frames = self.source.names
        count = self.max_frames if frames is None else min(len(frames), self.max_frames or len(frames))
        if count is None:
            return None
        backward = range(self.plan.turn + 1) if self.plan.turn else ()
        return sum(map(self.plan.visits, backward)) + sum(map(self.plan.visits, range(self.plan.begin, count)))

    def _step(self, image: np.ndarray, number: int, last: bool) -> tuple[Any, np.ndarray]:
        """Result and labels of a frame."""
        kept = dict(permanent=True) if number in self.plan.permanent else {}
        try:
            result = self.propagator.step(image, self.plan.prompts.get(number), last=last, **kept)
            return result, result.labels
        except NotFinite as error:
            raise NotFinite(f'{self.source.source}, frame {number}: {error}') from error

    def _track_backward(self, start: int, after: Callable[[int, bool, bool], None]) -> None:
        """Frames from one down to 0; each has the objects that are given in later frames only."""
        for number, image in self.source.numbered_backward(start, self.plan.visits):
            result, found = self._step(image, number, number == 0)
            own = [index for index in self.plan.later(number) if index in result.object_ids]
            labels = np.where(np.isin(found, own), found, 0).astype(np.uint8)
            self.folder.write(number, labels, matte_of(result, own) if self.alpha else None, look(result, labels, own))
            after(number, True, number == 0)

    def _track_forward(self, start: int, video: VideoWriter | None, after: Callable[[int, bool, bool], None]) -> int:
        """Frames from one to the end; the number behind the last one."""
        end = start
        for number, image, last in self._frames(start):
            result, labels = self._step(image, number, last)
            both = number < self.plan.turn and self.folder.mask(number).exists()
            if number < self.kept and self.folder.mask(number).exists():
                labels = self.folder.labels(number)
            else:
                matte = matte_of(result, list(result.object_ids)) if self.alpha else None
                if both:
                    labels = self.plan.merged(number, labels, self.folder.labels(number))
                    matte = None if matte is None else np.maximum(matte, self.folder.opacity(number))
                self.folder.write(number, labels, matte, look(result, labels, list(result.object_ids)))
            if video is not None:
                video.write(overlay_labels(image, labels))
            end = number + 1
            after(number, False, last)
        return end

    def _frames(self, start: int) -> Iterator[tuple[int, np.ndarray, bool]]:
        """Number, frame, and whether it is the last one."""
        waiting: tuple[int, np.ndarray] | None = None
        for number, image in self.source.numbered(start, self.plan.visits):
            if self.max_frames is not None and number >= self.max_frames:
                break
            if waiting is not None:
                yield *waiting, False
            waiting = number, image
            # A camera would wait for a frame that is not wanted.
            if self.max_frames is not None and number == self.max_frames - 1:
                break
        if waiting is not None:
            yield *waiting, True

    def _check_end(self, end: int) -> None:
        """A file tells only now how many frames it has."""
        if not end:
            raise DataError(f'{self.source.source} gave no frame.')
        late = sorted(number for number in {*self.plan.prompts, *self.plan.permanent} if number >= end)
        if late:
            raise DataError(
                f'{self.source.source} ends with frame {end - 1}; prompts or permanent frames were given for {late}. '
                'Leave them out, or choose earlier frames.'
            )

    def _mark(self, following: int, backward: bool) -> str:
        """What decides the state from which the tracker resumes at a frame."""
        plan = self.plan

        def counts(number: int) -> bool:
            return number <= plan.turn if backward else number < following or (plan.backward and number <= plan.turn)

        settings = dict(self.record.settings)
        settings['prompts'] = {n: facts for n, facts in settings['prompts'].items() if counts(int(n))}
        settings['permanent'] = [n for n in settings['permanent'] if counts(n)]
        return replace(self.record, settings=settings).identity()

    def _store(self, following: int, backward: bool, keep: bool) -> None:
        out = self.folder.out
        name = f'{"backward" if backward else "forward"}-{following:06d}.pth'
        if keep:
            (out / STATES).mkdir(exist_ok=True)
        save_file(
            dict(
                mark=self._mark(following, backward),
                next=following,
                backward=backward,
                snapshot=self.propagator.snapshot(),
            ),
            out / STATES / name if keep else out / STATE,
        )

    def _stored(self) -> dict[str, Any] | None:
        """The state that is furthest on of those that this call would have reached."""
        folder = self.folder.out / STATES
        groups = [sorted(folder.glob('forward-*.pth'), reverse=True), sorted(folder.glob('backward-*.pth'))]
        found = [self._usable(paths) for paths in ([self.folder.out / STATE], *groups)]

        def place(stored: Mapping[str, Any]) -> tuple[int, int]:
            return (0, -stored['next']) if stored['backward'] else (1, stored['next'])

        return max((stored for stored in found if stored is not None), key=place, default=None)

    def _usable(self, paths: Sequence[Path]) -> dict[str, Any] | None:
        """The first state that this call would have reached too."""
        runs = getattr(self.propagator, 'runs', [self.propagator])
        device = runs[0].model.data_preprocessor.mean.device
        for path in paths:
            stored = load_file(path, device)['state_dict'] if path.is_file() else {}
            if stored and stored.get('mark') == self._mark(int(stored['next']), bool(stored['backward'])):
                return dict(stored)
        return None

    def _holds_all(self, following: int, backward: bool) -> bool:
        """Whether the masks of all frames before the one at which a state resumes are there."""
        done = [n for n in self.folder.log() if (n > following if backward else n < following)]
        masks = [self.folder.mask(number) for number in done]
        return all(path.is_file() and path.stat().st_size for path in masks)

    def _finish(self, begun: int, seconds: float) -> None:
        """Note that all is there, and what it is."""
        folder, out = self.folder, self.folder.out
        log = {number: seen for number, seen in folder.log().items() if folder.mask(number).exists()}
        lost_below = float(self.record.settings['lost_below'])
        write_text(out / OBJECTS, objects_csv(log, self.source, lost_below))
        alpha = None
        if self.alpha:
            alpha = str(folder.write_alpha(self.plan.visits, self.source.fps / self.plan.every))
        report = TrackReport(
            len(log),
            begun,
            self.propagator.object_ids,
            str(out / MASKS),
            None,
            self.source.damage,
            summarise(log, self.plan.first, lost_below),
            None,
            alpha,
        )
        self.record.state = 'done'
        facts = dict(seconds=round(seconds, 3), memory=asdict(self.propagator.memory), lost_below=lost_below)
        # As it will be read again.
        self.record.result = json.loads(json.dumps(dict(asdict(report), **facts)))
        self.record.outputs = folder.marks()
        (out / STATE).unlink(missing_ok=True)

    def report(self, overlay: bool, rle: bool) -> TrackReport:
        """The report, after files that a call asks for and an earlier one did not are made of the masks."""
        folder, record = self.folder, self.record
        before, outputs = dict(record.result), dict(record.outputs)
        result = Fields(record.result, folder.out / FILE_NAME, 'result: ')
        paths: dict[str, str | None] = {}
        for name, path, asked in (('overlay', folder.out / OVERLAY, overlay), ('rle', folder.out / RLE, rle)):
            result.optional_text(name)
            if asked and not path.exists():
                if name == 'rle':
                    folder.write_rle(path, self.plan.visits, sorted(self.plan.first))
                else:
                    with VideoWriter(path, self.source.fps / self.plan.every) as video:
                        folder.replay(video, self.plan.visits, None)
                record.outputs[path.name] = FileMark.of(path, content=True)
            paths[name] = str(path) if path.exists() else None
        record.result = {**record.result, **paths}
        if record.result != before or record.outputs != outputs or not (folder.out / REPORT).exists():
            write_record(folder.out, record)
            write_text(folder.out / REPORT, json.dumps(record.result, indent=1) + '\n')
        return _report_of(result, paths)


def _report_of(found: Fields, paths: Mapping[str, str | None]) -> TrackReport:
    try:
        objects = [ObjectTrack(**values) for values in found.values.get('objects', ())]
    except TypeError:
        raise found.error('objects are not as they were written') from None
    return TrackReport(
        frames=found.number('frames', 1),
        resumed_at=found.number('resumed_at'),
        object_ids=tuple(found.numbers('object_ids', 1)),
        masks=found.text('masks'),
        overlay=paths['overlay'],
        damage=found.text('damage'),
        objects=objects,
        rle=paths['rle'],
        alpha=found.optional_text('alpha'),
    )
