"""What finished commands left in the folder, for the page: scores, groups, tracks; and the prompts of a video."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from salseg.app.workspace import NotFound, Workspace, plain_name
from salseg.errors import DataError
from salseg.io.files import write_text
from salseg.io.listing import natural_key

PROMPTS = 'prompts.json'
EXPORTS = ('overlay.mp4', 'track.json', 'objects.csv', 'rle.json', 'alpha.mov')


def evaluation(workspace: Workspace, model: str) -> dict[str, Any]:
    """Metrics of a model, what was counted, and strips of its worst images.

    Raises:
        NotFound: The model was not scored.
        DataError: The file was changed by hand.
    """
    folder = workspace.own / 'scores' / plain_name(model)
    path = folder / 'metrics.json'
    if not path.is_file():
        raise NotFound(f'{model} was not scored yet.')
    try:
        found = json.loads(path.read_text(encoding='utf-8'))
        method = found['methods'][0]
        metrics, counted, protocol = method['metrics'], found['counted'], found['protocol']['title']
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise DataError(f'{path} cannot be read: {error!r}. Score again.') from error
    worst = sorted((folder / 'worst').glob('*.png'), key=lambda path: natural_key(path.name))
    return dict(
        metrics=metrics, counted=counted, protocol=protocol, worst=[_own(workspace, path) for path in worst],
        report=str(folder / 'index.html'),
    )  # fmt: skip


def group_results(workspace: Workspace, model: str) -> list[dict[str, str]]:
    """Maps and overlays of the last group of a model, by name of the image."""
    folder = workspace.own / 'groups' / plain_name(model)
    masks = sorted((folder / 'mask').rglob('*.png'), key=lambda path: natural_key(path.name))
    pairs = [(mask, folder / 'overlay' / mask.relative_to(folder / 'mask')) for mask in masks]
    return [
        dict(name=mask.stem, mask=_own(workspace, mask), overlay=_own(workspace, overlay))
        for mask, overlay in pairs
        if overlay.is_file()
    ]


def track_frames(workspace: Workspace, video: str) -> dict[str, Any]:
    """Prompts of a video, the names of its frames that have masks, and the files that can be kept.

    Raises:
        NotFound: There is no such video.
    """
    workspace.video(video)
    folder = workspace.track(video)
    masks = sorted((path.stem for path in (folder / 'masks').glob('*.png')), key=natural_key)
    return dict(
        prompts=_prompts(folder), masks=masks, exports=[name for name in EXPORTS if (folder / name).is_file()],
        out=str(folder),
    )  # fmt: skip


def save_prompts(workspace: Workspace, video: str, boxes: Sequence[Any]) -> None:
    """Keep the prompts of a video beside its results, so that a page that is opened again has them.

    Raises:
        NotFound: There is no such video.
        DataError: They cannot be written.
    """
    workspace.video(video)
    try:
        write_text(workspace.track(video) / PROMPTS, json.dumps(list(boxes)) + '\n')
    except OSError as error:
        raise DataError(f'the prompts cannot be written: {error}. Free some space.') from error


def _prompts(folder: Path) -> list[Any]:
    try:
        found = json.loads((folder / PROMPTS).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        # None yet, or no list that the page could draw.
        return []
    return found if isinstance(found, list) else []


def _own(workspace: Workspace, path: Path) -> str:
    return path.relative_to(workspace.own).as_posix()
