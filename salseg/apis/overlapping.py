"""Reading, computing and writing at the same time, in bounded memory and in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Final, TypeVar

A = TypeVar('A')
B = TypeVar('B')


class _End:
    """What comes after the last item of an iterator."""


_END: Final = _End()


def map_ahead(
    function: Callable[[A], B], items: Iterable[A], workers: int = 2, ahead: int = 6
) -> Generator[B, None, None]:
    """``function`` of each item, in order, computed by threads while the caller uses the ones before.

    Args:
        function: Called in a thread; its exception is raised where its result would have come.
        items: Taken one by one in the caller's thread, at most ``ahead`` before they are requested.
        workers: Threads.
        ahead: Results that may wait.
    """
    waiting: deque[Future[B]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def read_ahead(items: Iterable[A], ahead: int = 4) -> Generator[A, None, None]:
    """The items of an iterator that a thread advances, at most ``ahead`` before they are requested."""
    source = iter(items)
    stop = False

    def forever() -> Iterator[None]:
        while not stop:
            yield None

    def following(_: None) -> A | _End:
        return next(source, _END)

    taken = map_ahead(following, forever(), workers=1, ahead=ahead)
    try:
        for item in taken:
            if isinstance(item, _End):
                return
            yield item
    finally:
        stop = True
        # The thread has stopped when this returns, so that the source may be closed.
        taken.close()
        if hasattr(source, 'close'):
            source.close()


class Background:
    """Calls made by threads while the caller continues; a ``with`` block ends when all are done.

    A call's exception is raised in the caller's thread, by the next `submit` or at the block's end. When the block
    ends with an exception, calls that have not begun are dropped.

    Args:
        workers: Threads; with one the calls are made in order.
        ahead: Calls that may wait; a further one makes the caller wait.
    """

    def __init__(self, workers: int = 1, ahead: int = 8) -> None:
        self.ahead = ahead
        self._pool = ThreadPoolExecutor(workers)
        self._waiting: deque[tuple[Future[Any], Callable[[Any], None] | None]] = deque()

    def submit(self, function: Callable[..., Any], *arguments: Any, then: Callable[[Any], None] | None = None) -> None:
        """Call ``function`` in a thread; ``then`` gets its result in the caller's thread, in the order of submission."""
        self._waiting.append((self._pool.submit(function, *arguments), then))
        while self._waiting and (len(self._waiting) > self.ahead or self._waiting[0][0].done()):
            self._take()

    def _take(self) -> None:
        future, then = self._waiting.popleft()
        result = future.result()
        if then is not None:
            then(result)

    def __enter__(self) -> 'Background':
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            while kind is None and self._waiting:
                self._take()
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)
