"""DAVIS 2016, 2017, its test-dev and its unsupervised annotations, whose archives all unpack to a folder ``DAVIS``."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from salseg.apis.converting.files import Progress, Summary, separate
from salseg.apis.converting.pairing import nothing_found
from salseg.apis.converting.trees import VideoFolders, child, find_roots, find_video_folders
from salseg.apis.converting.writing_videos import (
    Expected,
    Listed,
    Videos,
    WriteLabel,
    chosen,
    every_frame,
    first_frame,
    listed,
    no_frame,
    read_lists,
    take_ids,
    write_union,
)
from salseg.errors import DataError, LabelError
from salseg.io.annotations import LABEL_SUFFIXES, are_masks
from salseg.io.listing import by_stem
from salseg.io.lists import read_names

# Annotations that are looked at to tell masks from ids.
_SAMPLED = 5


@dataclass(frozen=True)
class Version:
    """How a version of DAVIS is told and read.

    Attributes:
        name: As `salseg convert` calls it.
        years: Folders of ``ImageSets``, the first that is there counts.
        lists: Lists of them, by the name that they get.
        annotations: Folder of its annotations.
        write: How an annotation is written.
        expected: Frames that are annotated.
    """

    name: str
    years: tuple[str, ...]
    lists: tuple[tuple[str, str], ...]
    annotations: str = 'Annotations'
    write: WriteLabel = take_ids
    expected: Expected = every_frame


_TRAINVAL = (('train', 'train'), ('val', 'val'))
_TESTDEV = (('test', 'test-dev'),)
VERSIONS = {
    '2016': Version('DAVIS-2016', ('2016', '480p', '1080p'), _TRAINVAL, write=write_union),
    '2017': Version('DAVIS-2017', ('2017',), _TRAINVAL),
    'testdev': Version('DAVIS-2017-testdev', ('2017', '2019'), _TESTDEV, expected=first_frame),
    'unsupervised': Version('DAVIS-2017-unsupervised', ('2017',), _TRAINVAL, 'Annotations_unsupervised'),
}


def convert_davis(
    source: Path,
    out: Path,
    version: str = '2017',
    resolution: str = '480p',
    lists: Sequence[Path] = (),
    partial: bool = False,
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """A version of DAVIS. The archive of 2017 holds the task of 2016 too: its list, all objects united.

    Args:
        source: Folder ``DAVIS``, or one around it or around several.
        out: Folder to write.
        version: Key of ``VERSIONS``.
        resolution: Folder of frames and annotations.
        lists: Lists instead of the release's own, of either form.
        partial: Take what is there, however many annotations are missing.
        how: 'copy', 'hardlink' or 'symlink' what stays as it is.
        progress: Told how many videos are done.

    Raises:
        DataError: Nothing is there, it is another version, or most annotations are missing.
    """
    separate(source, out)
    own = VERSIONS[version]
    root = _root_of(source, own, resolution, bool(lists))
    videos = find_video_folders(root, resolution=resolution, annotations=(own.annotations,))
    present = {video.name for video in videos}
    summary = Summary(out)
    named = read_lists(lists, present) if lists else _own_lists(root, own, present, summary)
    expected = own.expected
    if version == 'unsupervised' and not lists:
        expected = _add_unannotated(root, present, named)
    if not named:
        summary.warn('no list of the release is there, all videos are taken; name lists with --lists', str(root))
    chosen_videos = chosen(videos, named)
    Videos(source, chosen_videos, listed, own.write, expected, named).write_to(out, summary, how, progress, partial)
    return summary


def _root_of(source: Path, own: Version, resolution: str, lists_given: bool) -> Path:
    """The folder ``DAVIS`` of a version.

    Raises:
        DataError: There is none, or only of another version.
    """
    roots = find_roots(source)
    if not roots:
        raise nothing_found(source, 'no video', ('JPEGImages/480p/VIDEO',))
    kinds = {root: _versions_in(root, resolution, lists_given) for root in roots}
    # A folder that is this version and nothing else comes before one that can serve as it.
    fitting = sorted((len(names), str(root), root) for root, names in kinds.items() if own.name in names)
    if fitting:
        return fitting[0][2]
    others = sorted({name for names in kinds.values() for name in names})
    if not others:
        raise nothing_found(source, f'no annotation of {own.name}', (f'{own.annotations}/{resolution}/VIDEO',))
    raise DataError(
        f'{source} is not {own.name}: this looks like {" or ".join(others)}: salseg convert {others[0]} {source}'
    )


def _versions_in(root: Path, resolution: str, lists_given: bool) -> list[str]:
    """Names of the versions that a folder can serve as."""
    found = []
    if child(root, ('Annotations_unsupervised',)) is not None:
        found.append(VERSIONS['unsupervised'].name)
    if child(root, ('Annotations',)) is None:
        return found
    videos = find_video_folders(root, resolution=resolution, annotations=('Annotations',))
    present = {video.name for video in videos}
    if _hold_masks(videos):
        return [*found, VERSIONS['2016'].name]
    fitting = {key: bool(_files(root, version, present)) for key, version in VERSIONS.items()}
    if fitting['testdev']:
        found.append(VERSIONS['testdev'].name)
    if fitting['2017'] or not fitting['testdev']:
        found.append(VERSIONS['2017'].name)
    # Without any list nobody can tell which videos are those of 2016: all are taken, with a warning.
    if fitting['2016'] or lists_given or not (fitting['2017'] or fitting['testdev']):
        found.append(VERSIONS['2016'].name)
    return found


def _hold_masks(videos: Sequence[VideoFolders]) -> bool:
    sampled = []
    for video in videos:
        files = {} if video.labels is None else by_stem(video.labels, LABEL_SUFFIXES)
        sampled += list(files.values())[:1]
        if len(sampled) == _SAMPLED:
            break
    try:
        return are_masks(sampled)
    except LabelError as error:
        return error.fits == 'binary'


def _files(root: Path, version: Version, present: set[str]) -> dict[str, Path]:
    """List files of the first year that has any of a video that is there, by the name that they get."""
    lists = child(root, ('ImageSets',))
    folders = [child(lists, (year,)) for year in version.years] if lists else []
    for folder in filter(None, folders):
        paths = {name: folder / f'{own}.txt' for name, own in version.lists}
        found = {n: path for n, path in paths.items() if path.is_file() and present & set(read_names(path, present))}
        if found:
            return found
    return {}


def _own_lists(root: Path, version: Version, present: set[str], summary: Summary) -> dict[str, list[str]]:
    files = _files(root, version, present)
    names = {name: read_lists([path], present)[path.stem] for name, path in files.items()}
    for wanted, _ in version.lists:
        if files and wanted not in names:
            summary.note('videos of a list that the source does not hold, the list is not written', wanted)
    return names


def _add_unannotated(root: Path, present: set[str], named: dict[str, list[str]]) -> Expected:
    """The test-dev videos of 2019 come without annotations."""
    version = Version('', ('2019',), _TESTDEV)
    extra = {name: read_names(path, present) for name, path in _files(root, version, present).items()}
    named.update(extra)
    without = {name for members in extra.values() for name in members}

    def expected(video: Listed) -> Iterable[str]:
        return no_frame(video) if video.name in without else every_frame(video)

    return expected
