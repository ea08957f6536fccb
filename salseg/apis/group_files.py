"""Write the maps of groups: of all folders that were named, resumable, in shards."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from salseg.apis.groups import SHEET_IMAGES, GroupPredictor, group_sheet, notes_on
from salseg.apis.image_files import write_report
from salseg.apis.inputs import find_groups
from salseg.apis.overlapping import Background, map_ahead
from salseg.apis.predictor import seen_prediction
from salseg.apis.results import ResultFolder, checked_kinds, describe
from salseg.errors import DataError
from salseg.io.images import read_visible, write_png
from salseg.io.record import item_path, read_item, write_item

_LEFT_OUT = f'sheets show the first {SHEET_IMAGES} images of a group'
Group = tuple[str, list[Path]]
# An image as it is seen, and its opacity where it has transparent pixels.
Visible = tuple[np.ndarray, np.ndarray | None]


@dataclass
class GroupResult:
    """What was written of one group.

    Attributes:
        name: Of the group.
        count: Images that took part.
        written: Files.
        failed: Images that could not be read, with the reason; the group was done without them.
        notes: What a user should know: a group of one, the same image twice, a group in parts.
        kept: Whether all of it was there already.
    """

    name: str
    count: int = 0
    written: list[Path] = field(default_factory=list)
    failed: dict[Path, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    kept: bool = False


def predict_groups(
    predictor: GroupPredictor,
    inputs: Iterable[str | Path],
    out: str | Path,
    save: Sequence[str] = ('mask',),
    sheets: bool = True,
    progress: Callable[[int, int], None] | None = None,
    overwrite: bool = False,
    shard: tuple[int, int] = (0, 1),
) -> list[GroupResult]:
    """Predict all groups of some folders; write maps and a contact sheet per group.

    A group whose results are there, made by the same model from the same images, is kept as it is. The next group is
    read while one is computed and the one before is written.

    Args:
        predictor: The model.
        inputs: Folders, patterns; single images are one group.
        out: Folder; results go to ``<out>/<kind>/<group>/<stem>.png``, or ``<out>/<group>/<stem>.png`` when only masks
            are requested, and ``<out>/sheets/<group>.png``.
        save: Kinds out of 'mask', 'overlay', 'cutout', 'report'.
        sheets: Whether sheets are written.
        progress: Called with groups done and in all.
        overwrite: Replace the results of another model.
        shard: Groups that this process does, (k, n) counted from 0: every n-th.

    Returns:
        What was written, left out and worth knowing, per group of the shard.

    Raises:
        DataError: Nothing was found, an unknown kind, or the folder cannot be written.
    """
    folder = ResultFolder(out, checked_kinds(save, 'group'))
    groups = find_groups(inputs)[shard[0] :: shard[1]]
    files = GroupFiles(predictor, folder, sheets)
    targets = (path for group in groups for path in files.targets(group))
    folder.open(describe(predictor, images_together=predictor.max_frames), targets, overwrite, shard)
    results = {name: files.kept(name, paths) for name, paths in groups}
    todo = [group for group in groups if results[group[0]] is None]
    done = 0

    def finished(result: GroupResult) -> None:
        nonlocal done
        results[result.name] = result
        done += 1
        if progress is not None:
            progress(done, len(todo))

    with Background(workers=1, ahead=1) as writing:
        for name, images, failed in map_ahead(_read_group, todo, workers=1, ahead=2):
            result = files.compute(name, images, failed, writing)
            writing.submit(files.finish, result, dict(todo)[name], then=finished)
    folder.finish()
    if 'report' in folder.kinds:
        entries = [(str(Path(name) / path.stem), path) for name, paths in groups for path in paths]
        write_report(folder, entries, shard)
    return [result for result in results.values() if result is not None]


def _read_group(group: Group) -> tuple[str, dict[Path, Visible], dict[Path, str]]:
    images: dict[Path, Visible] = {}
    failed: dict[Path, str] = {}
    for path in group[1]:
        try:
            images[path] = read_visible(path)
        except DataError as error:
            failed[path] = str(error)
    return group[0], images, failed


class GroupFiles:
    """Files of groups, with a note per group that says of which images it was made.

    A group's maps depend on all of its images, so one that was added or taken away makes them all anew.
    """

    def __init__(self, predictor: GroupPredictor, folder: ResultFolder, sheets: bool) -> None:
        self.predictor, self.folder, self.sheets = predictor, folder, sheets

    def sheet(self, name: str) -> Path:
        """Where its sheet is."""
        return self.folder.out / 'sheets' / f'{name}.png'

    def targets(self, group: Group, failed: Iterable[str] = ()) -> list[Path]:
        """All files of a group but the note."""
        name, paths = group
        names = [Path(name) / path.stem for path in paths if path.name not in failed]
        found = [path for stem in names for path in self.folder.paths(stem)]
        return [*found, self.sheet(name)] if self.sheets and names else found

    def kept(self, name: str, paths: list[Path]) -> GroupResult | None:
        """What an earlier run recorded of a group, if all of it is still there and true."""
        if not self.folder.is_fresh(item_path(self.folder.out, name), paths):
            return None
        note = read_item(self.folder.out, name)
        if note is None or note.texts('images') != [path.name for path in paths]:
            return None
        failed = note.text_mapping('failed')
        if not all(self.folder.is_fresh(path, paths) for path in self.targets((name, paths), failed)):
            return None
        reasons = {path: failed[path.name] for path in paths if path.name in failed}
        return GroupResult(name, len(paths) - len(reasons), [], reasons, note.texts('notes'), kept=True)

    def compute(
        self, name: str, visible: dict[Path, Visible], failed: dict[Path, str], writing: Background
    ) -> GroupResult:
        """Maps of one group, handed to the writer; unreadable images are named and the rest continues."""
        images = {path: image for path, (image, _) in visible.items()}
        result = GroupResult(name, len(images), failed=failed)
        if not images:
            result.notes.append(f'none of its {len(failed)} images could be read')
            return result
        result.notes += notes_on(images, len(self.predictor.parts(len(images))))
        predictions = [
            seen_prediction(found.image, found.saliency, alpha)
            for found, (_, alpha) in zip(self.predictor(list(images.values())), visible.values())
        ]
        for path, prediction in zip(images, predictions):
            writing.submit(self.folder.write, prediction, Path(name) / path.stem, then=result.written.extend)
        if self.sheets:
            drawn = group_sheet(predictions)
            writing.submit(write_png, self.sheet(name), drawn, then=result.written.append)
            if len(predictions) > SHEET_IMAGES:
                result.notes.append(_LEFT_OUT)
        return result

    def finish(self, result: GroupResult, paths: list[Path]) -> GroupResult:
        """Note that a group is complete, after its files."""
        failed = {path.name: reason for path, reason in result.failed.items()}
        facts = dict(images=[path.name for path in paths], failed=failed, notes=result.notes)
        write_item(self.folder.out, result.name, facts)
        return result
