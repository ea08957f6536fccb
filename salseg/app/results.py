"""What finished commands left in the folder, for the page: scores, groups, tracks."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from salseg.app.workspace import NotFound, Workspace, plain_name
from salseg.errors import DataError
from salseg.io.files import write_text
from salseg.io.listing import natural_key

FOLLOWED, MASKS, REPORT = 'followed.json', 'masks', 'track.json'
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


def image_errors(workspace: Workspace, model: str) -> dict[str, float]:
    """Mean absolute error of each image whose map was not made anew since the maps of a model were scored."""
    table = workspace.own / 'scores' / plain_name(model) / 'images.csv'
    masks = workspace.maps(model) / 'mask'
    found = {}
    try:
        scored = table.stat().st_mtime_ns
        with open(table, encoding='utf-8', newline='') as file:
            for row in csv.DictReader(file):
                if (masks / f'{row["image"]}.png').stat().st_mtime_ns <= scored:
                    found[row['image']] = float(row['mae'])
    except (OSError, ValueError, KeyError, TypeError):
        # Not scored, or a table or maps that were changed since: what is known is shown.
        return found
    return found


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
    """Names of a video's frames that have masks and of the newest, what became of each object, and the files that can be kept.

    Raises:
        NotFound: There is no such video.
    """
    workspace.video(video)
    folder = workspace.track(video)
    made = {path.stem: path.stat().st_mtime_ns for path in (folder / MASKS).glob('*.png')}
    masks = sorted(made, key=natural_key)
    return dict(
        masks=masks, newest=max(masks, key=lambda name: made[name], default=None), objects=_objects(folder),
        exports=[name for name in EXPORTS if (folder / name).is_file()], out=str(folder), followed=followed(folder),
    )  # fmt: skip


def _objects(folder: Path) -> list[Any]:
    """Of a finished track: index, mean confidence and runs of frames in which it is lost."""
    try:
        found = json.loads((folder / REPORT).read_text(encoding='utf-8'))['objects']
        return [{name: entry[name] for name in ('index', 'confidence', 'lost')} for entry in found]
    except (OSError, ValueError, KeyError, TypeError):
        # Not finished, or not by us: the page shows the masks alone.
        return []


def followed(folder: Path) -> dict[str, Any]:
    """How the video was followed last, as `note_followed` kept it."""
    try:
        found = json.loads((folder / FOLLOWED).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def note_followed(folder: Path, settings: Mapping[str, Any]) -> None:
    """Keep how a video is followed: what differs in prompts alone is a correction.

    Raises:
        DataError: It cannot be written.
    """
    try:
        write_text(folder / FOLLOWED, json.dumps(dict(settings)) + '\n')
    except OSError as error:
        raise DataError(f'{folder} cannot be written: {error}. Free some space.') from error


def _own(workspace: Workspace, path: Path) -> str:
    return path.relative_to(workspace.own).as_posix()
