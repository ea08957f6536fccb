"""Fetch a file over HTTP: resumed where a transfer stopped, bounded in size, a page in its place recognised."""

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from salseg.io.files import write_text
from salseg.version import __version__

TIMEOUT = 30.0
_BLOCK = 1 << 18
# Connections in a row that brought nothing before a transfer gives up.
_TRIES = 3
_SCHEMES = ('http', 'https')
_PAGE_STARTS = (b'<!doctype', b'<html', b'<?xml', b'<head')
_PARTIAL, _NO_SUCH_RANGE = 206, 416
Progress = Callable[[int, int | None], None]


class TransferError(OSError):
    """A file could not be fetched; the reason without address and remedy, which the caller knows.

    Attributes:
        kept: Bytes that lie in the .part file, with which the next attempt resumes.
        page: Whether the server sent a page for a browser instead of the file.
    """

    def __init__(self, reason: str, kept: int = 0, page: bool = False) -> None:
        super().__init__(reason)
        self.kept, self.page = kept, page


class _Interrupted(Exception):
    """A connection ended early; another one may resume."""


@dataclass
class _Version:
    """What tells one version of a published file from another, kept beside the part that was fetched of it."""

    address: str
    total: int | None = None
    etag: str = ''
    modified: str = ''

    @classmethod
    def read(cls, path: Path, address: str) -> '_Version | None':
        """That of an earlier transfer from the same address; None if there is none that can be read."""
        try:
            found = cls(**json.loads(path.read_text(encoding='utf-8')))
        except (OSError, ValueError, TypeError):
            return None
        plain = isinstance(found.etag, str) and isinstance(found.modified, str)
        whole = found.total is None or isinstance(found.total, int)
        return found if found.address == address and plain and whole else None

    @property
    def validator(self) -> str:
        """For If-Range: only a strong tag stands for the same bytes."""
        return self.etag if self.etag and not self.etag.startswith('W/') else self.modified


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to HTTP(S) only, and never from HTTPS down to HTTP."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """The next request, or a refusal."""
        old, new = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if new not in _SCHEMES or (old == 'https' and new != 'https'):
            raise TransferError(f'the server leads from {old} to {new}:, which is not followed')
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(
    address: str, part: Path, limit: int, progress: Progress | None = None, timeout: float = TIMEOUT
) -> int:  # fmt: skip
    """Fetch a file into ``part``; what an earlier attempt left there is resumed where the server allows it.

    Names that the server proposes are not read. The file is complete when this returns: as long as the server announced.

    Args:
        address: http or https.
        part: File to fill; ``<part>.json`` beside it says which version it is a part of.
        limit: Bytes that are accepted at most.
        progress: Called with the bytes that are there and those in all, None where the server does not say.
        timeout: Seconds without a byte after which a connection is given up.

    Returns:
        Bytes of the file.

    Raises:
        TransferError: The address cannot be reached, the connection broke again and again, the file is larger than
            ``limit``, or a page was sent instead.
    """
    if urlsplit(address).scheme not in _SCHEMES:
        raise TransferError(f'the address {address} is neither http nor https')
    opener = urllib.request.build_opener(_SafeRedirects())
    idle, most = 0, _size(part)
    while True:
        try:
            return _attempt(opener, address, part, limit, progress, timeout)
        except _Interrupted as error:
            # A connection that brought something new is not counted: large files survive many breaks.
            idle = 0 if _size(part) > most else idle + 1
            most = max(most, _size(part))
            if idle >= _TRIES:
                raise TransferError(str(error), _size(part)) from error
        except TransferError as error:
            if not error.kept:
                part.unlink(missing_ok=True)
                _note(part).unlink(missing_ok=True)
            raise


def _attempt(
    opener: urllib.request.OpenerDirector,
    address: str,
    part: Path,
    limit: int,
    progress: Progress | None,
    timeout: float,
) -> int:
    note = _note(part)
    version, there = _Version.read(note, address), _size(part)
    if there and version is None:
        there = 0
    request = urllib.request.Request(  # noqa: S310 (its scheme was checked)
        address, headers={'User-Agent': f'salseg/{__version__}', 'Accept-Encoding': 'identity'}
    )
    if there and version is not None:
        request.add_header('Range', f'bytes={there}-')
        if version.validator:
            request.add_header('If-Range', version.validator)
    try:
        answer = opener.open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        return _after_refusal(error, part, version, there)
    except TransferError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _Interrupted(
            f'{urlsplit(address).netloc} cannot be reached ({getattr(error, "reason", error)})'
        ) from error
    with answer:
        begin, total = _place(answer, there, version)
        _refuse_page(answer, there)
        if total is not None and total > limit:
            raise TransferError(f'the server announces {total} bytes; at most {limit} are expected')
        found = _Version(address, total, answer.headers.get('ETag', ''), answer.headers.get('Last-Modified', ''))
        write_text(note, json.dumps(asdict(found)) + '\n')
        done = _receive(answer, part, begin, total, limit, progress)
    note.unlink(missing_ok=True)
    return done


def _note(part: Path) -> Path:
    return part.with_name(f'{part.name}.json')


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _after_refusal(error: urllib.error.HTTPError, part: Path, version: _Version | None, there: int) -> int:
    """What an error status means: all was there already, or the part is none of this file, or there is none."""
    if error.code == _NO_SUCH_RANGE and there:
        if version is not None and version.total == there:
            _note(part).unlink(missing_ok=True)
            return there
        part.unlink(missing_ok=True)
        raise _Interrupted('the server has no such part of the file')
    reason = f'the server answers {error.code} {error.reason}'
    if error.code >= http.client.INTERNAL_SERVER_ERROR or error.code == http.client.TOO_MANY_REQUESTS:
        raise _Interrupted(reason)
    raise TransferError(reason, there)


def _place(answer: Any, there: int, version: _Version | None) -> tuple[int, int | None]:
    """Byte at which an answer begins, and the bytes of the whole file where the server says so."""
    length = _number(answer.headers.get('Content-Length'))
    if answer.status != _PARTIAL:
        return 0, length
    span, _, whole = answer.headers.get('Content-Range', '').removeprefix('bytes ').partition('/')
    begin, total = _number(span.partition('-')[0]), _number(whole)
    same = version is None or version.total is None or total is None or version.total == total
    if begin != there or not same:
        raise TransferError(
            f'the server answers with {span or "no place"} of {whole or "?"}; asked for {there}-', there
        )
    return there, total if total is not None or length is None else there + length


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdecimal() else None


def _refuse_page(answer: Any, there: int) -> None:
    """A file of weights is never text: Google Drive sends a page instead of a large file, others one that asks to log in."""
    kind = answer.headers.get_content_type()
    if kind in ('text/html', 'application/xhtml+xml'):
        raise TransferError('the server sent a page for a browser (HTML) instead of the file', there, page=True)


def is_page(path: Path) -> bool:
    """Whether a file that should hold weights holds a page, saved under its name."""
    with open(path, 'rb') as file:
        return file.read(64).lstrip().lower().startswith(_PAGE_STARTS)


def _receive(
    answer: Any, part: Path, begin: int, total: int | None, limit: int, progress: Progress | None
) -> int:  # fmt: skip
    done = begin
    part.parent.mkdir(parents=True, exist_ok=True)
    with open(part, 'r+b' if begin else 'wb') as out:
        out.seek(begin)
        out.truncate()
        while block := _next_block(answer, done, total):
            done += len(block)
            if done > limit:
                raise TransferError(f'the server sends more than {limit} bytes, which is all that is expected')
            _write(out, block)
            if progress is not None:
                progress(done, total)
        out.flush()
        os.fsync(out.fileno())
    if total is not None and done < total:
        raise _Interrupted(f'the connection ended at {done} of {total} bytes')
    return done


def _next_block(answer: Any, done: int, total: int | None) -> bytes:
    try:
        return bytes(answer.read(_BLOCK))
    except http.client.IncompleteRead as error:
        if error.partial:
            return bytes(error.partial)
        raise _Interrupted(f'the connection ended at {done} of {total or "?"} bytes') from error
    except (OSError, http.client.HTTPException) as error:
        raise _Interrupted(f'the connection broke at {done} of {total or "?"} bytes ({error})') from error


def _write(out: IO[bytes], block: bytes) -> None:
    try:
        out.write(block)
    except OSError as error:
        raise TransferError(f'writing failed: {error}', out.tell()) from error
