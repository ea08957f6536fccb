"""Read whole files with errors that help, and write files in one step.

A killed run leaves no half a file, and what was there before stays until the new file is complete.
"""

import contextlib
import fcntl
import os
import re
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

from salseg.errors import ConfigError, DataError

PathLike = str | os.PathLike
# As `replacing` calls them: a name, and the process that writes.
_TEMPORARY = re.compile(r'\.(.+)\.(\d+)\.tmp(\.\w+)?')


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
def replacing(path: PathLike, durable: bool = True, alone: bool = False) -> Iterator[Path]:
    """A temporary name beside ``path``; when the block ends well, the file is synced and takes the real name at once.

    If the block fails the temporary file is removed and whatever had the real name stays as it was.

    Args:
        path: The real name.
        durable: Whether the file survives a loss of power from then on. Without, a killed process still leaves no half a
            file, but after a loss of power the newest files may be empty: for what can be checked and made again.
        alone: The file is all that a command writes there, so what a killed one left of it is removed here. It takes
            a look through the folder, too long for one of many files.
    """
    path = Path(path)
    if alone:
        remove_leftovers(path.parent, path.name)
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


def remove_leftovers(folder: PathLike, name: str | None = None, below: bool = False, owned: bool = False) -> None:
    """Remove temporary files that killed processes left.

    Args:
        folder: Where they are; it need not exist.
        name: Only those of this file.
        below: Also in the folders below.
        owned: Nobody else writes there, so whatever process began them, it is gone. Else those of running ones stay, and
            those with a further suffix, whose names might be somebody's own.
    """
    for root, folders, names in os.walk(str(folder)):
        for found in filter(None, map(_TEMPORARY.fullmatch, names)):
            dead = found[3] is None and not _is_running(int(found[2]))
            if name in (None, found[1]) and (owned or dead):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(root, found[0]))
        if not below:
            folders.clear()


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


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


def csv_cell(value: object) -> object:
    """A cell of a table for people: a text that a spreadsheet would run as a formula gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def csv_text(cell: str) -> str:
    """Undo :func:`csv_cell`."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


_FORMULA = ('=', '+', '-', '@', '\t', '\r')


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


# Folders that this process owns: descriptor, thread, whether others may share it, how often.
_OWNED: dict[tuple[int, int], tuple[int, int, bool, int]] = {}


@contextlib.contextmanager
def owning(folder: PathLike, shared: bool = False) -> Iterator[None]:
    """Be the only writer of a folder of results, which is made; a second one is refused at once.

    The folder itself is locked, so nothing is left behind, and the lock ends with the process, however that ends. Within a
    thread a folder may be owned again.

    What killed writers left under temporary names below it is removed, unless it is shared.

    Args:
        folder: Of the results.
        shared: Share it with others that do the same, as shards do.

    Raises:
        DataError: Somebody else writes into it.
    """
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        status = path.stat()
    except OSError:
        # Whoever writes into it says what is wrong.
        yield
        return
    key, thread = (status.st_dev, status.st_ino), threading.get_ident()
    held = _OWNED.get(key)
    if held is not None and (held[1] == thread or (shared and held[2])):
        _OWNED[key] = (*held[:3], held[3] + 1)
    else:
        if held is not None:
            raise _owned_already(path)
        descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise _owned_already(path) from error
        except OSError:
            # A file system that locks no folders: there the user must see to it.
            pass
        _OWNED[key] = descriptor, thread, shared, 1
        if not shared:
            remove_leftovers(path, below=True, owned=True)
    try:
        yield
    finally:
        descriptor, thread, shared, count = _OWNED[key]
        if count > 1:
            _OWNED[key] = descriptor, thread, shared, count - 1
        else:
            del _OWNED[key]
            os.close(descriptor)


def _owned_already(path: Path) -> DataError:
    return DataError(
        f'another process writes into {path}: its results and yours would mix. Wait until it has ended, stop it, or choose '
        'another folder.'
    )


def _forget_owned() -> None:
    # A worker that outlives its parent must not keep the parent's folder locked.
    for descriptor, *_ in _OWNED.values():
        with contextlib.suppress(OSError):
            os.close(descriptor)
    _OWNED.clear()


os.register_at_fork(after_in_child=_forget_owned)
