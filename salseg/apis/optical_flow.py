"""Optical flow of whole data sets, computed once and stored."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from mmengine.dist import is_main_process

from salseg.datasets.flow import FlowEstimator, FramePair
from salseg.datasets.flow.files import write_flow
from salseg.datasets.video_layout import Video, find_videos
from salseg.engine.sharding import own_shard, united
from salseg.errors import ConfigError
from salseg.io.files import make_folder
from salseg.io.images import read_image
from salseg.io.record import DELETE, FILE_NAME, RunRecord, begin, write_record
from salseg.registry import FLOWS

COMMAND = 'precompute flow'
Directions = Literal['forward', 'backward', 'both']
_DIRECTIONS = ('forward', 'backward', 'both')


def precompute_flow(
    root: str | Path,
    out: str | Path,
    estimator: Mapping[str, Any] | FlowEstimator | None = None,
    directions: Directions = 'both',
    videos: Sequence[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the flow between neighbouring frames at their own size, where ``FlowFiles(root=out)`` reads it.

    What is there already and was made by the same estimator from the same images stays; a file is either whole or
    not there. In a distributed run every video is taken by one process.

    Args:
        root: Data set of videos, in any layout of `salseg.datasets.video_layout.find_videos`.
        out: Folder; the flow of a pair goes to ``<out>/<video>/<first>_<second>.flo`` (Middlebury's format).
        estimator: Config of the FLOWS registry; DISFlow by default.
        directions: 'forward' from each frame to the next, 'backward', or 'both'.
        videos: Their names; all by default.
        progress: Called with pairs done and in all.

    Returns:
        The record's file: the estimator's settings, and a fingerprint of the images of every pair.

    Raises:
        ConfigError: The directions are unknown.
        DataError: There is no video, frames of one video differ in size, or the folder holds another estimator's flow.
    """
    if directions not in _DIRECTIONS:
        raise ConfigError(f'directions={directions!r}; expected one of {", ".join(_DIRECTIONS)}.')
    flow = estimator if isinstance(estimator, FlowEstimator) else FLOWS.build(dict(estimator or {'type': 'DISFlow'}))
    found = own_shard(find_videos(Path(root), names=videos, labelled=False))
    out = make_folder(out)
    wanted = RunRecord(COMMAND, dict(estimator=flow.settings()))
    record = begin(out, wanted, DELETE, shared=not is_main_process())
    total = sum(len(video.frames) - 1 for video in found) * (2 if directions == 'both' else 1)
    done = 0
    for video in found:
        for pair in _pairs(video, Path(root).name, directions):
            _one(pair, flow, out, record.items)
            done += 1
            if progress is not None:
                progress(done, total)
        _write_record(out, record)
    record.items, record.state = united(record.items), 'done'
    _write_record(out, record)
    return out / FILE_NAME


def _pairs(video: Video, dataset: str, directions: Directions) -> Iterator[FramePair]:
    """Pairs in time; a frame is read once."""
    before = None
    for stem, path in zip(video.stems, video.frames):
        now = stem, read_image(path)
        if before is not None:
            for (first_id, first), (second_id, second) in _ordered(before, now, directions):
                yield FramePair(first, second, dataset, video.name, first_id, second_id)
        before = now


def _ordered(before: Any, now: Any, directions: Directions) -> list[tuple[Any, Any]]:
    return [pair for name, pair in (('forward', (before, now)), ('backward', (now, before)))
            if directions in (name, 'both')]  # fmt: skip


def _one(pair: FramePair, flow: FlowEstimator, out: Path, done: dict[str, dict[str, Any]]) -> None:
    key, mark = f'{pair.set_id}/{pair.first_id}_{pair.second_id}', dict(images=pair.digest())
    if done.get(key) == mark and (out / f'{key}.flo').is_file():
        return
    write_flow(out / f'{key}.flo', flow(pair))
    done[key] = mark


def _write_record(out: Path, record: RunRecord) -> None:
    if is_main_process():
        write_record(out, record)
