"""Track objects through a video and write what was found, frame by frame."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from salseg.engine.checkpoint import load_file, save_file
from salseg.errors import DataError
from salseg.io.annotations import LABEL_SUFFIXES, UNKNOWN, check_index_labels, read_annotation
from salseg.io.fields import Fields
from salseg.io.files import write_text
from salseg.io.listing import by_stem
from salseg.io.record import (
    FILE_NAME,
    REPLACE,
    FileMark,
    RunRecord,
    Weights,
    begin,
    content_digest,
    differences,
    read_record,
    write_record,
)
from salseg.io.video_writing import VideoWriter
from salseg.io.videos import FrameSource
from salseg.ops.fingerprint import weights_fingerprint
from salseg.propagation import MergedPropagator, Prompt, Propagator
from salseg.visualization.palette import overlay_labels, write_label_png

# The report is for people and other programs; what a repeated call compares is in the run's record.
STATE, OVERLAY, REPORT = '.track-state.pth', 'overlay.mp4', 'track.json'


@dataclass(frozen=True)
class TrackReport:
    """Summary of a tracked video.

    Attributes:
        frames: Tracked in all.
        resumed_at: Frame at which this call began; 0 unless it resumed an interrupted one.
        object_ids: Tracked at the end.
        masks: Folder of the palette PNGs.
        overlay: Video with the objects tinted, or None.
        damage: Why the video's file is not whole, as a sentence; empty where it is.
    """

    frames: int
    resumed_at: int
    object_ids: tuple[int, ...]
    masks: str
    overlay: str | None
    damage: str = ''


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
) -> TrackReport:
    """Track objects and write ``<out>/masks/<frame>.png`` (palette, ids as given) and ``<out>/overlay.mp4`` as it
    goes.

    A call that was killed is resumed when it is repeated: every ``state_every`` frames the model's state is stored
    beside the results, and the results are the same as without the interruption.

    Args:
        propagator: The model, freshly reset.
        source: Folder of images, video file, camera number.
        prompts: By the number of the frame, from 0.
        out: Folder for the results.
        overlay: Whether the overlay video is written.
        state_every: Frames between two stored states; 0 stores none. A camera is never resumed.
        max_frames: Stop after so many frames; needed for a camera that is not to run for ever.
        overwrite: Replace the results of another call in the same folder.
        progress: Called with the frames done and in all (None if unknown).
        allow_gaps: Whether the numbers of a folder's frames may have gaps.

    Raises:
        DataError: There is no prompt; the folder holds results of another call; a frame or a prompt cannot be used; a
            frame is missing in a folder's numbering.
    """
    if not prompts:
        raise DataError('nothing to track: give at least one prompt, --mask FILE or --box id:x0,y0,x1,y1.')
    source = source if isinstance(source, FrameSource) else FrameSource(source)
    if not allow_gaps:
        source.check_numbers()
    out = Path(out)
    total = _frame_count(source, max_frames, prompts)
    wanted = _describe(propagator, source, prompts, max_frames)
    if overwrite or _holds_nothing(out):
        _clear(out, wanted)
    record = begin(out, wanted, REPLACE, shared=True)
    if record.state == 'done':
        return _earlier(out, record)
    mark = record.identity()
    began = time.monotonic()
    start = 0 if source.live else _resume(propagator, out, mark)
    done = start
    with VideoWriter(out / OVERLAY, source.fps) as video:
        if overlay:
            _replay(video, source, out, start)
        for number, image, last in _numbered(source, start, max_frames):
            labels = propagator.step(image, prompts.get(number), last=last).labels
            write_label_png(out / 'masks' / f'{source.name(number)}.png', labels)
            if overlay:
                video.write(overlay_labels(image, labels))
            done = number + 1
            if state_every and done % state_every == 0 and not last and not source.live:
                save_file(dict(mark=mark, next=done, snapshot=propagator.snapshot()), out / STATE)
            if progress is not None:
                progress(done, total)
    if not done:
        raise DataError(f'{source.source} gave no frame.')
    video_file = str(out / OVERLAY) if overlay else None
    report = TrackReport(done, start, propagator.object_ids, str(out / 'masks'), video_file, source.damage)
    record.state = 'done'
    record.result = dict(asdict(report), seconds=round(time.monotonic() - began, 3), memory=asdict(propagator.memory))
    record.outputs = {path.name: FileMark.of(path) for path in sorted((out / 'masks').glob('*.png'))}
    write_record(out, record)
    write_text(out / REPORT, json.dumps(record.result, indent=1) + '\n')
    (out / STATE).unlink(missing_ok=True)
    return report


def read_prompts(
    source: FrameSource,
    masks: str | Path | None = None,
    boxes: Sequence[str] = (),
    encoding: str = 'index',
    overlap: str = 'smaller',
    note: Callable[[str], None] | None = None,
) -> dict[int, Prompt]:
    """Prompts as the command line gives them.

    Args:
        source: The video.
        masks: A label PNG for the first frame, or a folder of label PNGs named like the frames they belong to. Pixels
            of 0 say nothing, so that a later file may hold new objects only.
        boxes: ``id:x0,y0,x1,y1`` in pixels of the first frame, or ``frame@id:x0,y0,x1,y1`` of another one.
        encoding: Of the masks: 'index' (ids, 255 unknown) or 'binary' (one object, which gets id 1).
        overlap: Who gets pixels that several boxes of a frame claim, 'smaller' or 'later'.
        note: Called with a sentence for every box that reaches beyond its frame and is cut at the border.

    Returns:
        By the number of the frame.

    Raises:
        DataError: A mask or box cannot be read, belongs to no frame, or an id is given twice in a frame.
    """
    found: dict[int, Prompt] = {}
    files = _mask_files(source, masks)
    if encoding == 'index':
        check_index_labels([path for _, path in files], str(masks))
    for number, path in files:
        labels = read_annotation(path, encoding, orient=True)
        if not ((labels > 0) & (labels < UNKNOWN)).any():
            raise DataError(f'{path} holds no object.')
        found[number] = Prompt.from_labels(labels)
    by_frame: dict[int, dict[int, tuple[float, ...]]] = {}
    for text in boxes:
        number, index, box = parse_box(text)
        if index in by_frame.setdefault(number, {}) or (number in found and index in found[number].ids):
            raise DataError(f'object {index} is given twice in frame {number}: give each object once in a frame.')
        by_frame[number][index] = box
    for number, given in by_frame.items():
        size = _frame_size(source, number)
        prompt = Prompt.from_boxes(given, size, overlap)
        if note is not None:
            for cut in _cut_boxes(given, size, number):
                note(cut)
        found[number] = _joined(found[number], prompt) if number in found else prompt
    return found


def parse_box(text: str) -> tuple[int, int, tuple[float, float, float, float]]:
    """Frame, id and corners of ``[frame@]id:x0,y0,x1,y1``.

    Raises:
        DataError: It is written otherwise.
    """
    place, _, corners = text.rpartition(':')
    frame, _, index = place.rpartition('@')
    try:
        values = tuple(float(value) for value in corners.split(','))
        if len(values) != 4:
            raise ValueError
        return int(frame or 0), int(index), values
    except ValueError:
        raise DataError(
            f'the box {text!r} cannot be read; expected id:x0,y0,x1,y1 in pixels, for example 1:40,30,120,90.'
        ) from None


def _cut_boxes(boxes: Mapping[int, Sequence[float]], size: tuple[int, int], frame: int) -> Iterator[str]:
    """A sentence for each box of a frame of size (H, W) that reaches beyond it."""
    height, width = size
    for index, (x0, y0, x1, y1) in boxes.items():
        inside = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
        if inside != (x0, y0, x1, y1):
            given, left = (','.join(f'{value:g}' for value in box) for box in ((x0, y0, x1, y1), inside))
            yield (
                f'the box {given} of object {index} reaches beyond frame {frame}, {width}x{height} pixels, and is cut '
                f'to {left}.'
            )


def _mask_files(source: FrameSource, masks: str | Path | None) -> list[tuple[int, Path]]:
    if masks is None:
        return []
    path = Path(masks)
    if not path.is_dir():
        return [(0, path)]
    files = by_stem(path, LABEL_SUFFIXES)
    names = None if source.names is None else {name: number for number, name in enumerate(source.names)}
    places = []
    for stem, file in files.items():
        known = names.get(stem) if names is not None else (int(stem) if stem.isdigit() else None)
        if known is None:
            raise DataError(f'{file} belongs to no frame of {source.source}: name mask files like the frames.')
        places.append((known, file))
    if not places:
        raise DataError(f'{path} holds no mask ({", ".join(LABEL_SUFFIXES)}).')
    return places


def _frame_size(source: FrameSource, number: int) -> tuple[int, int]:
    if source.live:
        raise DataError('boxes for a camera are given in Python: Prompt.from_boxes with the size of its frames.')
    for frame in source.frames(number):
        return frame.shape[:2]
    raise DataError(f'a box was given for frame {number}, which {source.source} does not have.')


def _joined(first: Prompt, second: Prompt) -> Prompt:
    if first.size != second.size:
        raise DataError(
            f'the mask is {first.size} and the frame {second.size} (height, width): give masks at its size.'
        )
    pairs = [
        *zip(first.ids, first.masks, first.from_box),
        *zip(second.ids, second.masks & ~first.masks.any(0), second.from_box),
    ]
    pairs.sort(key=lambda pair: pair[0])
    return Prompt(tuple(p[0] for p in pairs), torch.stack([p[1] for p in pairs]), tuple(p[2] for p in pairs))


def _describe(propagator: Any, source: FrameSource, prompts: Mapping[int, Prompt], max_frames: int | None) -> RunRecord:
    """What decides the results, so that only the same call is resumed."""
    runs = getattr(propagator, 'runs', [propagator])
    models = list(dict.fromkeys(run.model for run in runs))
    settings = dict(
        runs=[
            dict(
                model=type(run.model).__name__,
                rules=repr(getattr(run.model, 'rules', None)),
                shorter_side=run.shorter_side,
                flip=run.flip,
                box_prompt=run.box_prompt,
            )
            for run in runs
        ],
        video=f'camera {source.source}' if source.live else str(Path(str(source.source)).resolve()),
        frames=None if source.names is None else f'{len(source.names)}, {content_digest(repr(source.names).encode())}',
        max_frames=max_frames,
        prompts={str(number): _prompt_facts(prompts[number]) for number in sorted(prompts)},
    )
    weights = Weights(weights_fingerprint(*models), ', '.join(str(model.weights_source or '') for model in models))
    inputs = {path.name: FileMark.of(path) for path in source.files}
    return RunRecord('track', settings, weights, inputs)


def _prompt_facts(prompt: Prompt) -> dict[str, Any]:
    masks = content_digest(prompt.masks.cpu().numpy().tobytes())
    return dict(ids=[int(index) for index in prompt.ids], from_box=list(prompt.from_box), masks=masks)


def _holds_nothing(out: Path) -> bool:
    """Whether an earlier call ended before its first result: what it was called with need not be kept to."""
    found = read_record(out)
    there = (out / OVERLAY).exists() or any((out / 'masks').glob('*.png'))
    return found is not None and found.command == 'track' and not there


def _clear(out: Path, wanted: RunRecord) -> None:
    """Remove the results of another call, or of this one where it had finished."""
    if not (out / FILE_NAME).exists():
        return
    try:
        found = read_record(out)
    except DataError:
        # A broken record is replaced too.
        found = None
    if found is not None and found.state == 'running' and not differences(found, wanted):
        return
    for path in (out / STATE, out / OVERLAY, out / REPORT, *(out / 'masks').glob('*.png'), out / FILE_NAME):
        path.unlink(missing_ok=True)


def _earlier(out: Path, record: RunRecord) -> TrackReport:
    """The report of the same call, which had finished."""
    found = Fields(record.result, out / FILE_NAME, 'result: ')
    return TrackReport(
        frames=found.number('frames', 1),
        resumed_at=found.number('resumed_at'),
        object_ids=tuple(found.numbers('object_ids', 1)),
        masks=found.text('masks'),
        overlay=found.optional_text('overlay'),
        damage=found.text('damage'),
    )


def _frame_count(source: FrameSource, max_frames: int | None, prompts: Mapping[int, Prompt]) -> int | None:
    """Frames that will be tracked, None where only reading tells; no prompt may belong to another one."""
    total = None if source.names is None else len(source.names)
    total = max_frames if total is None or (max_frames and max_frames < total) else total
    late = [number for number in prompts if number < 0 or (total is not None and number >= total)]
    if late:
        known = 'frames are counted from 0' if total is None else f'the video has {total} frames, 0 to {total - 1}'
        raise DataError(f'prompts were given for the frames {sorted(late)}, but {known}.')
    return total


def _resume(propagator: Any, out: Path, mark: str) -> int:
    """Restore a stored state; the frame to resume from."""
    if not (out / STATE).is_file():
        return 0
    runs = getattr(propagator, 'runs', [propagator])
    device = runs[0].model.data_preprocessor.mean.device
    stored = load_file(out / STATE, device)['state_dict']
    if stored.get('mark') != mark:
        return 0
    propagator.restore(stored['snapshot'])
    return int(stored['next'])


def _numbered(source: FrameSource, start: int, limit: int | None) -> Iterator[tuple[int, np.ndarray, bool]]:
    """Number, frame, and whether it is the last one."""
    waiting = None
    number = start
    for image in source.frames(start):
        if limit is not None and number == limit:
            break
        if waiting is not None:
            yield number - 1, waiting, False
        waiting = image
        number += 1
    if waiting is not None:
        yield number - 1, waiting, True


def _replay(video: VideoWriter, source: FrameSource, out: Path, stop: int) -> None:
    """Write the overlay of frames that were tracked before."""
    if not stop:
        return
    for number, image in zip(range(stop), source.frames()):
        video.write(overlay_labels(image, read_annotation(out / 'masks' / f'{source.name(number)}.png', 'index')))
