"""Write files in one step: a killed run leaves no half a file, and what was there before stays until then."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: str | os.PathLike, durable: bool = True) -> Iterator[Path]:
    """A temporary name beside ``path``; when the block ends well, the file is synced and takes the real name at once.

    If the block fails the temporary file is removed and whatever had the real name stays as it was.

    Args:
        path: The real name.
        durable: Whether the file survives a loss of power from then on. Without, a killed process still leaves no half a
            file, but after a loss of power the newest files may be empty: for what can be checked and made again.
    """
    path = Path(path)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    try:
        yield temporary
        if durable:
            with open(temporary, 'rb') as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)
        if durable:
            _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> Path:
    """Write a small file in one step; its folder is made."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding='utf-8')
    return path


def _sync_folder(folder: Path) -> None:
    # A rename is durable only once its folder is; not every file system lets a folder be opened.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
