"""Scoring tasks for several processes, results in order."""

import contextlib
import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import cv2

from salseg.errors import DataError
from salseg.evaluation.protocols import PartialResult
from salseg.evaluation.tasks import ScoringTask

# Units that wait per process: enough to keep all busy, few enough to keep memory flat.
AHEAD = 4
Score = Callable[[ScoringTask], PartialResult]
# Seconds between two looks at whether the parent lives.
_LOOK_EVERY = 0.5
# Of a scoring process, set when it starts.
_score_of: Score | None = None


def usable_processes() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


def score_all(
    score: Score, tasks: Iterable[tuple[ScoringTask, PartialResult | None]], processes: int, fork: bool = False
) -> Iterator[tuple[ScoringTask, PartialResult, bool]]:
    """Score units in the order given.

    Args:
        score: Scores one unit; it is sent to the processes by name, so a function of a module, or a `partial` of one.
        tasks: Units, with their part where it is known already.
        processes: 1 scores in this process.
        fork: Copy this process, which takes no time, where the system can. Only for one that has run no threads yet:
            the copy of one that uses OpenCV or torch may hang. Others start afresh, and import what they need.

    Yields:
        Unit, part, and whether it was scored just now.

    Raises:
        DataError: A process died.
    """
    if processes <= 1:
        with _one_thread():
            for work, known in tasks:
                yield work, known or score(work), known is None
        return
    method = 'fork' if fork and 'fork' in multiprocessing.get_all_start_methods() else 'spawn'
    context = multiprocessing.get_context(method)
    pool = ProcessPoolExecutor(processes, context, initializer=_start, initargs=(score,))
    try:
        yield from _in_order(pool, tasks, processes * AHEAD)
    except BrokenProcessPool as error:
        raise DataError(
            'a scoring process died, most often for want of memory. What was scored is recorded where --out was given; '
            'continue with fewer --processes.'
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor, tasks: Iterable[tuple[ScoringTask, PartialResult | None]], ahead: int
) -> Iterator[tuple[ScoringTask, PartialResult, bool]]:
    waiting: deque[tuple[ScoringTask, PartialResult | Future]] = deque()
    for work, known in tasks:
        waiting.append((work, known or pool.submit(_score, work)))
        if len(waiting) >= ahead:
            yield _finished(*waiting.popleft())
    while waiting:
        yield _finished(*waiting.popleft())


def _finished(work: ScoringTask, part: PartialResult | Future) -> tuple[ScoringTask, PartialResult, bool]:
    return (work, part.result(), True) if isinstance(part, Future) else (work, part, False)


def _start(score: Score) -> None:
    global _score_of
    _score_of = score
    end_with_parent()
    cv2.setNumThreads(1)


def end_with_parent() -> None:
    """End this process soon after the one that started it is gone: killed, that one can say nothing."""
    threading.Thread(target=_follow, args=(os.getppid(),), daemon=True).start()


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY)
    os._exit(1)


def _score(work: ScoringTask) -> PartialResult:
    if _score_of is None:
        raise RuntimeError('a scoring process was started without what it runs')
    return _score_of(work)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """OpenCV on one thread: the same in one process as in several."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
