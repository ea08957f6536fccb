"""Read whole files with errors that help, and write files in one step.

A killed run leaves no half a file, and what was there before stays until the new file is complete.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from salseg.errors import ConfigError, DataError

PathLike = str | os.PathLike


def read_bytes(path: PathLike, what: str = 'file') -> bytes:
    """The content of a file.

    Args:
        path: The file.
        what: Names it in messages, for example 'image' or 'annotation'.

    Raises:
        DataError: It is missing (the message says what lies beside it), empty, no regular file, or cannot be read.
    """
    path = Path(path)
    try:
        # Reading a pipe would wait for its writer, and a device has no end.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise DataError(f'the {what} {path} is no regular file.')
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(
            f'the {what} {path} does not exist; {_around(path.parent)}. Check the list file and the data root.'
        ) from error
    except OSError as error:
        raise DataError(f'the {what} {path} cannot be read: {error}.') from error
    if not data:
        raise DataError(f'the {what} {path} is empty (0 bytes). Fetch or write it again, or take it off the list.')
    return data


def _around(folder: Path) -> str:
    if not folder.is_dir():
        return f'{folder} does not exist'
    return f'{folder} holds {", ".join(sorted(p.name for p in folder.iterdir())[:3]) or "nothing"}, ...'


@contextlib.contextmanager
def replacing(path: PathLike, durable: bool = True) -> Iterator[Path]:
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


def write_text(path: PathLike, text: str) -> Path:
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


def make_folder(path: str | Path) -> Path:
    """Make a folder for output.

    Raises:
        ConfigError: A file has that name, or it cannot be written.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise ConfigError(
            f'{path} is a file; expected a folder for the output. Choose another name or move the file.'
        ) from error
    except NotADirectoryError as error:
        raise ConfigError(f'{path} is below a file; expected a folder for the output. Choose another name.') from error
    except OSError as error:
        raise ConfigError(f'the folder {path} cannot be made: {error}.') from error
    return path
