"""Optical flow of whole data sets or of what a recipe reads, computed once and stored."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from mmengine.dist import is_main_process

from salseg.datasets.flow import FlowChain, FlowEstimator, FramePair, build_estimator
from salseg.datasets.flow.files import write_flow
from salseg.datasets.video_layout import Video, find_videos
from salseg.engine.config import load_config
from salseg.engine.flow_pairs import read_pairs
from salseg.engine.sharding import own_shard, united
from salseg.errors import ConfigError
from salseg.io.files import make_folder
from salseg.io.images import read_image
from salseg.io.record import DELETE, FILE_NAME, RunRecord, begin, write_record

COMMAND = 'precompute flow'
# Where the flow of a config's data sets lies, for `FlowFiles(pattern=...)`: two sets may have videos of one name.
PATTERN = '{dataset}/{set}/{first}_{second}.flo'
Directions = Literal['forward', 'backward', 'both']
_DIRECTIONS = ('forward', 'backward', 'both')
Estimator = str | Mapping[str, Any] | FlowEstimator | None
Progress = Callable[[int, int], None] | None


@dataclass(frozen=True)
class Work:
    """A video and the pairs of its frames, by number.

    Attributes:
        dataset: Name of its data set.
        video: Its files.
        pairs: (first, second), in the order in which frames are read.
        folder: Below the folder of the results.
    """

    dataset: str
    video: Video
    pairs: Sequence[tuple[int, int]]
    folder: str


def precompute_flow(
    root: str | Path,
    out: str | Path,
    estimator: Estimator = None,
    directions: Directions = 'both',
    videos: Sequence[str] | None = None,
    progress: Progress = None,
) -> Path:
    """Write the flow between neighbouring frames at their own size, where ``FlowFiles(root=out)`` reads it.

    What is there already and was made by the same estimator from the same images stays; a file is either whole or
    not there. In a distributed run every video is taken by one process.

    Args:
        root: Data set of videos, in any layout of `salseg.datasets.video_layout.find_videos`.
        out: Folder; the flow of a pair goes to ``<out>/<video>/<first>_<second>.flo`` (Middlebury's format).
        estimator: Name or config of the FLOWS registry; DISFlow by default.
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
    found = find_videos(Path(root), names=videos, labelled=False)
    work = [Work(Path(root).name, video, list(_neighbours(video, directions)), video.name) for video in found]
    return _compute(work, out, build_estimator(estimator), {}, 0, progress)


def precompute_recipe_flow(
    model: str,
    out: str | Path,
    estimator: Estimator = None,
    chain: int = 0,
    options: Any = None,
    progress: Progress = None,
) -> Path:
    """Write the flow of exactly the pairs that the pipelines of a config read, at the frames' own size.

    These are the pairs of every `ComputeFlow` in the data sets of training, validation and test and of pseudo-labels: for
    the generator of RCRNet from each target to both labelled neighbours, as far apart as the recipe's interval says.
    ``FlowFiles(root=out, pattern=PATTERN)`` reads them. Resumed and dealt out as `precompute_flow`.

    Args:
        model: Name, config or run's folder.
        out: Folder; the flow of a pair goes to ``<out>/<data set>/<video>/<first>_<second>.flo``.
        estimator: Name or config of the FLOWS registry; by default the config's ``flow_estimator``, or else DISFlow.
        chain: Frames of a step of `FlowChain`, which composes the flow over the frames between; 0 takes both frames
            directly.
        options: Overrides of the config.
        progress: Called with pairs done and in all.

    Returns:
        The record's file.

    Raises:
        ConfigError: No pipeline reads flow, or which pairs one reads is drawn by chance.
        DataError: As `precompute_flow`.
    """
    if chain < 0:
        raise ConfigError(f'chain={chain}; expected frames of a step, or 0 for the flow between both frames.')
    config = load_config(model, options)
    chosen = estimator if estimator is not None else config.get('flow_estimator')
    work = [
        Work(name, video, sorted(pairs, key=lambda pair: (max(pair), pair)), f'{name}/{video.name}')
        for name, video, pairs in read_pairs(config, model)
    ]
    return _compute(work, out, build_estimator(chosen), dict(chain=chain), chain, progress)


def _compute(
    work: Sequence[Work], out: str | Path, flow: FlowEstimator, settings: dict[str, Any], chain: int, progress: Progress
) -> Path:
    out = make_folder(out)
    record = begin(
        out, RunRecord(COMMAND, dict(estimator=flow.settings(), **settings)), DELETE, shared=not is_main_process()
    )
    own = own_shard(work)
    total, done = sum(len(part.pairs) for part in own), 0
    for part in own:
        for pair, estimate in _estimates(part, flow, chain):
            _one(f'{part.folder}/{pair.first_id}_{pair.second_id}', pair, estimate, out, record.items)
            done += 1
            if progress is not None:
                progress(done, total)
        _write_record(out, record)
    record.items, record.state = united(record.items), 'done'
    _write_record(out, record)
    return out / FILE_NAME


def _neighbours(video: Video, directions: Directions) -> Iterator[tuple[int, int]]:
    for now in range(1, len(video.frames)):
        if directions != 'backward':
            yield now - 1, now
        if directions != 'forward':
            yield now, now - 1


def _estimates(part: Work, flow: FlowEstimator, chain: int) -> Iterable[tuple[FramePair, Callable[[], Any]]]:
    """Each pair of a video, and what computes its flow; a frame of neighbouring pairs is read once."""
    video = part.video
    read = lru_cache(8)(lambda index: read_image(video.frames[index]))
    chained = FlowChain(flow, read, chain, (part.dataset, video.name, video.stems)) if chain else None
    for first, second in part.pairs:
        ids = video.stems[first], video.stems[second]
        pair = FramePair(read(first), read(second), part.dataset, video.name, *ids)
        if chained is None:
            yield pair, partial(flow, pair)
        else:
            yield pair, partial(_chained, chained, first, second)


def _chained(chain: FlowChain, first: int, second: int) -> np.ndarray:
    return chain(first, second)[0]


def _one(key: str, pair: FramePair, estimate: Callable[[], Any], out: Path, done: dict[str, dict[str, Any]]) -> None:
    mark = dict(images=pair.digest())
    if done.get(key) == mark and (out / f'{key}.flo').is_file():
        return
    write_flow(out / f'{key}.flo', estimate())
    done[key] = mark


def _write_record(out: Path, record: RunRecord) -> None:
    if is_main_process():
        write_record(out, record)
