"""Prompts of a video: a table of boxes, and label PNGs of scribbles and masks, as `salseg track` reads them.

They lie beside the results, so that a page that is opened again has them. All are in pixels of the frame as it is seen.
"""

import json
import threading
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from salseg.app.labels import NOTHING, Conflict, unpacked, version
from salseg.app.workspace import NotFound, Workspace
from salseg.errors import DataError
from salseg.io.annotations import read_annotation
from salseg.io.files import write_text
from salseg.io.images import write_png
from salseg.io.videos import FrameSource

BOXES = 'prompts.json'
# Highest code of each kind: ids are 1 to 254, and 255 is a scribble beside all objects.
LAYERS = {'scribbles': 255, 'masks': 254}
BACKGROUND = 255
# Of two tabs that save at once one sees what the other did.
_WRITING = threading.Lock()


def read_prompts_of(
    workspace: Workspace, video: str, source: FrameSource, ids: Callable[[Path], list[int] | None]
) -> dict[str, Any]:
    """Boxes with the version of their table, and by kind and number of the frame the codes of each label PNG.

    Args:
        workspace: The folder.
        video: Name of the video.
        source: The video.
        ids: Codes of a label PNG, see `read_ids`.

    Raises:
        NotFound: There is no such video.
    """
    layers = {kind: layer_files(workspace, video, source, kind) for kind in LAYERS}
    return dict(
        boxes=boxes_of(workspace, video), version=version(workspace.track(video) / BOXES),
        **{kind: {str(number): ids(files[number]) or [] for number in sorted(files)} for kind, files in layers.items()},
    )  # fmt: skip


def read_ids(path: Path) -> list[int]:
    """Codes of a label PNG but 0.

    Raises:
        DataError: It cannot be read.
    """
    return [code for code in np.unique(read_annotation(path, 'index')).tolist() if code]


def boxes_of(workspace: Workspace, video: str) -> list[Any]:
    """Boxes of a video, ``{'frame', 'id', 'box': [x0, y0, x1, y1]}``."""
    try:
        found = json.loads((workspace.track(video) / BOXES).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        # None yet, or no list that the page could draw.
        return []
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def save_boxes(workspace: Workspace, video: str, boxes: Sequence[Any], known: str) -> str:
    """Keep the boxes of a video.

    Args:
        workspace: The folder.
        video: Name of the video.
        boxes: As `boxes_of` gives them.
        known: Version that the page had read.

    Returns:
        The new version.

    Raises:
        NotFound: There is no such video.
        Conflict: The table has another version by now.
        DataError: It cannot be written.
    """
    workspace.video(video)
    path = workspace.track(video) / BOXES
    with _WRITING:
        _check(path, known)
        try:
            write_text(path, json.dumps(list(boxes)) + '\n')
        except OSError as error:
            raise DataError(f'the prompts cannot be written: {error}. Free some space.') from error
        return version(path)


def layer_folder(workspace: Workspace, video: str, kind: str) -> Path:
    """Where the label PNGs of a kind lie.

    Raises:
        NotFound: There is no such kind.
    """
    if kind not in LAYERS:
        raise NotFound(f'there are no prompts of the kind {kind!r}.')
    return workspace.track(video) / 'prompts' / kind


def layer_files(workspace: Workspace, video: str, source: FrameSource, kind: str) -> dict[int, Path]:
    """Label PNGs of a kind by the number of their frame; of frames that are gone none."""
    folder = layer_folder(workspace, video, kind)
    numbers = None if source.names is None else {name: number for number, name in enumerate(source.names)}
    found = {}
    for path in folder.glob('*.png') if folder.is_dir() else ():
        number = numbers.get(path.stem) if numbers is not None else int(path.stem) if path.stem.isdigit() else None
        if number is not None:
            found[number] = path
    return found


def read_layer(path: Path, size: tuple[int, int]) -> tuple[bytes, str]:
    """Ids of a label PNG, row by row, packed by zlib, and its version; zeros where there is none.

    Args:
        path: The file.
        size: (H, W) of its frame.

    Raises:
        DataError: The file cannot be read, or has another size.
    """
    found = version(path)
    if found == NOTHING:
        return zlib.compress(bytes(size[0] * size[1]), 1), found
    codes = read_annotation(path, 'index')
    if codes.shape != size:
        raise DataError(
            f'{path} has {codes.shape[1]}x{codes.shape[0]} pixels and its frame {size[1]}x{size[0]}: the video was '
            'replaced. Move the file away to draw anew.'
        )
    return zlib.compress(codes.tobytes(), 1), found


def save_layer(path: Path, kind: str, packed: bytes, known: str, size: tuple[int, int]) -> str:
    """Write the ids of a frame; nothing drawn removes the file.

    Args:
        path: The file.
        kind: A key of `LAYERS`.
        packed: As `read_layer` gives it.
        known: Version that the page had read.
        size: (H, W) of the frame.

    Returns:
        The new version.

    Raises:
        Conflict: The file has another version by now.
        DataError: The ids do not fit the frame, or the file cannot be written.
    """
    codes = unpacked(packed, *size, f'frame {path.stem}', LAYERS[kind])
    with _WRITING:
        _check(path, known)
        if codes.any():
            write_png(path, codes)
        else:
            path.unlink(missing_ok=True)
        return version(path)


def prompt_words(workspace: Workspace, video: str, source: FrameSource) -> list[str]:
    """What `salseg track` is told to follow.

    Raises:
        DataError: There is nothing, a box is none, or a frame has scribbles beside objects only.
    """
    words = []
    for entry in boxes_of(workspace, video):
        words += ['--box', box_word(entry)]
    files = {kind: layer_files(workspace, video, source, kind) for kind in LAYERS}
    for number, path in sorted(files['scribbles'].items()):
        if read_ids(path) == [BACKGROUND]:
            raise DataError(f'frame {number} has background scribbles only: draw on the object too, or undo them.')
    for kind, more in (('scribbles', ('--scribble-encoding', 'index')), ('masks', ())):
        if files[kind]:
            words += [f'--{kind.removesuffix("s")}', str(layer_folder(workspace, video, kind)), *more]
    if not words:
        raise DataError('nothing to follow: draw a box, scribbles or a mask on an object in a frame.')
    return words


def box_word(entry: Any) -> str:
    """``frame@id:x0,y0,x1,y1`` of a box from the page.

    Raises:
        DataError: It is none.
    """
    try:
        corners = [round(float(value), 2) for value in entry['box']]
        if len(corners) != 4:
            raise ValueError
        return f'{int(entry["frame"])}@{int(entry["id"])}:' + ','.join(map(_plain, corners))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f'{entry!r} is no box; expected frame, id and x0, y0, x1, y1.') from error


def _plain(value: float) -> str:
    return str(int(value)) if value.is_integer() else str(value)


def _check(path: Path, known: str) -> None:
    if version(path) != known:
        raise Conflict(
            'the prompts of this video were changed in another tab or by another program; your last one was not saved. '
            'Open the video again to see what is there, and draw it again.'
        )
