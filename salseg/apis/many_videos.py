"""Track objects through several videos: where each one's prompts are, and what became of each."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from salseg.apis.prompts import read_prompts
from salseg.apis.tracking import TrackReport, track
from salseg.errors import DataError, SalsegError
from salseg.io.annotations import LABEL_SUFFIXES
from salseg.io.videos import FrameSource
from salseg.propagation import MergedPropagator, Prompt, Propagator

# Of a prompt file, and whether the value is a path.
_KEYS = {'mask': True, 'scribble': True, 'boxes': False, 'points': False, 'encoding': False, 'scribble_encoding': False}
_NAMES = {'mask': 'masks', 'scribble': 'scribbles'}
_LISTS = ('boxes', 'points')


@dataclass(frozen=True)
class VideosReport:
    """What became of several videos.

    Attributes:
        reports: By name, of those that were tracked.
        failures: By name, why the others were not.
    """

    reports: dict[str, TrackReport] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def track_videos(
    propagator: Propagator | MergedPropagator,
    videos: Mapping[str, str | Path],
    prompts: str | Path | Mapping[str, Mapping[int, Prompt]] | Callable[[str, FrameSource], Mapping[int, Prompt]],
    out: str | Path,
    note: Callable[[str], None] | None = None,
    progress: Callable[[str], Callable[[int, int | None], None] | None] | None = None,
    **options: Any,
) -> VideosReport:
    """Track objects through videos one by one, into ``<out>/<name>``; a bad one stops none of the others.

    A call that was killed is resumed when it is repeated, and videos that were finished are not tracked again.

    Args:
        propagator: The model.
        videos: By name, files or folders of frames; `salseg.apis.inputs.find_videos` finds them.
        prompts: By name and number of the frame; where they are, see `prompts_at`; or what gives them for a name and a
            video, as `find_objects` can.
        out: Folder for the results.
        note: Called with a sentence on each box that is cut at the border.
        progress: Called with the name of each video; gives what `track` calls.
        options: Of `track`.
    """
    report = VideosReport()
    for name, path in videos.items():
        propagator.reset()
        try:
            source = FrameSource(path)
            if callable(prompts):
                given = prompts(name, source)
            elif isinstance(prompts, str | Path):
                given = prompts_at(prompts, name, source, note)
            else:
                given = prompts.get(name, {})
            show = None if progress is None else progress(name)
            report.reports[name] = track(propagator, source, given, Path(out) / name, progress=show, **options)
        except SalsegError as error:
            report.failures[name] = str(error)
    return report


def prompts_at(
    where: str | Path, name: str, source: FrameSource, note: Callable[[str], None] | None = None
) -> dict[int, Prompt]:
    """Prompts of a video by convention.

    Args:
        where: A folder with ``<name>/`` (label PNGs named like frames), ``<name>.png`` (of the first frame) or
            ``<name>.json``; or a JSON file that has such an object for each name. Its keys are ``mask``, ``boxes``,
            ``points``, ``scribble``, ``encoding`` and ``scribble_encoding``, as `read_prompts` takes them, with paths
            relative to the file.
        name: Of the video.
        source: The video.
        note: As of `read_prompts`.

    Raises:
        DataError: There is none for this video, or one cannot be used.
    """
    path = Path(where)
    if not path.is_dir():
        facts = _read(path)
        if name not in facts:
            raise DataError(
                f'{path} has no prompts for {name!r}; it has them for {", ".join(sorted(facts)) or "nothing"}.'
            )
        return _from_facts(facts[name], path, name, source, note)
    if (path / name).is_dir():
        return read_prompts(source, path / name, note=note)
    found = next((path / f'{name}{suffix}' for suffix in LABEL_SUFFIXES if (path / f'{name}{suffix}').is_file()), None)
    if found is not None:
        return read_prompts(source, found, note=note)
    if not (path / f'{name}.json').is_file():
        raise DataError(f'{path} has no prompts for {name!r}: expected {name}/ with masks, {name}.png or {name}.json.')
    return _from_facts(_read(path / f'{name}.json'), path / f'{name}.json', name, source, note)


def _read(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise DataError(
            f'the prompts {path} cannot be read: {error}. Expected a folder, or a JSON file such as '
            '{"video": {"boxes": ["1:40,30,120,90"]}}.'
        ) from None
    if not isinstance(facts, dict):
        raise DataError(f'the prompts {path} are no object; expected {{"video": {{"boxes": ["1:40,30,120,90"]}}}}.')
    return facts


def _from_facts(
    facts: Any, path: Path, name: str, source: FrameSource, note: Callable[[str], None] | None
) -> dict[int, Prompt]:
    if not isinstance(facts, dict) or not facts.keys() <= _KEYS.keys():
        raise DataError(f'{path}: the prompts of {name!r} are {facts!r}; expected an object of {", ".join(_KEYS)}.')
    given: dict[str, Any] = {}
    for key, value in facts.items():
        texts = value if isinstance(value, list) and key in _LISTS else [value]
        if (key in _LISTS) != isinstance(value, list) or not all(isinstance(text, str) for text in texts):
            raise DataError(
                f'{path}: {key} of {name!r} is {value!r}; expected {"a list of texts" if key in _LISTS else "a text"}.'
            )
        given[_NAMES.get(str(key), str(key))] = path.parent / value if _KEYS[key] else value
    return read_prompts(source, note=note, **given)
