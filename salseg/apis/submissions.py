"""What the servers of VOS benchmarks take: zips of label files, checked before they get their name."""

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from salseg.datasets.prompted_layouts import LAYOUTS, PromptedVideo
from salseg.datasets.transforms.prompts import read_objects
from salseg.errors import ConfigError, DataError, missing_folder
from salseg.evaluation.folders import prediction_tree
from salseg.io.annotations import UNKNOWN, read_annotation
from salseg.io.files import replacing
from salseg.io.images import image_size
from salseg.io.listing import in_order
from salseg.io.values import present_values
from salseg.visualization.palette import davis_palette

# Problems that a message names one by one.
_SHOWN = 10
# Of all entries of a zip, so that the same labels make the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Form:
    """What one server takes.

    Attributes:
        title: Which server.
        prefix: Folder in the zip that holds the videos; '' for none.
        listed: Whether only the frames that ``meta.json`` lists are taken, otherwise all frames.
        lists: Places of the list of videos below the data root, the first that exists counts; all videos without one.
        layouts: Layouts of `PromptedVideos` by the folder below the data root that shows which one it is.
    """

    title: str
    prefix: str = ''
    listed: bool = False
    lists: tuple[str, ...] = ()
    layouts: tuple[tuple[str, str], ...] = (('JPEGImages/480p', 'davis'), ('JPEGImages', 'folders'))


FORMS: Mapping[str, Form] = {
    'davis17': Form('DAVIS 2017 val', lists=('ImageSets/2017/val.txt', 'ImageSets/val.txt')),
    'davis-testdev': Form(
        'DAVIS 2017 test-dev (Codalab)',
        lists=('ImageSets/2017/test-dev.txt', 'ImageSets/test-dev.txt', 'ImageSets/test.txt'),
    ),
    'ytvos': Form('YouTube-VOS val', prefix='Annotations', listed=True, layouts=(('', 'youtube_vos'),)),
    'mose': Form('MOSE val', layouts=(('JPEGImages', 'folders'),)),
}


def form_of(name: str) -> Form:
    """A form by name.

    Raises:
        ConfigError: There is none of that name.
    """
    if name not in FORMS:
        raise ConfigError(f'--submission {name}: expected one of {", ".join(FORMS)}.')
    return FORMS[name]


def find_videos_of(name: str, data: str | Path, list_file: str | None = None) -> list[PromptedVideo]:
    """The videos that a server asks for, from the data set's folder.

    Args:
        name: Of the form.
        data: Folder of the data set, as released or as `salseg convert` writes it; of YouTube-VOS and MOSE that of the split.
        list_file: Videos, relative to it; by default the list of the split.

    Raises:
        ConfigError: There is no such form.
        DataError: The folder is not there, or lacks something.
    """
    form, root = form_of(name), Path(data)
    if not root.is_dir():
        raise missing_folder(root)
    layout = next((layout for folder, layout in form.layouts if (root / folder).is_dir()), form.layouts[-1][1])
    lists = (text for text in form.lists if (root / text).is_file())
    return LAYOUTS[layout].read(root, list_file or next(lists, None))


def write_submission(
    name: str,
    labels: str | Path,
    videos: Iterable[PromptedVideo],
    path: str | Path,
    merge_objects: bool = False,
) -> Path:
    """Write the zip of a server from label files, ``<labels>/<video>/<frame>.png``.

    Every frame that the server asks for must be there, as an indexed PNG with DAVIS' colours, of its image's size, with ids
    that were given in that frame or before. The zip gets its name when all of it is right; the same labels give the same
    bytes.

    Args:
        name: 'davis17', 'davis-testdev', 'ytvos' or 'mose'.
        labels: Folder of the labels, as `salseg test --out` writes it below the name of the set.
        videos: What the server asks for, see `find_videos_of`, or ``videos`` of a `PromptedVideos`.
        path: The zip.
        merge_objects: Whether all given objects are one, with id 1.

    Raises:
        ConfigError: There is no such form, or the videos lack what it needs.
        DataError: A frame is missing or wrong; the first ten are named, with what is wrong.
    """
    form, path, videos = form_of(name), Path(path), list(videos)
    files = prediction_tree(Path(labels))
    names = {stem: files.path(stem) for stem in files.files}
    problems: list[str] = []
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, alone=True) as temporary:
        with zipfile.ZipFile(temporary, 'w', zipfile.ZIP_STORED) as archive:
            for video in videos:
                problems += _check_video(form, video, names, merge_objects)
                if not problems:
                    _add_video(archive, form, video, names)
        if problems:
            more = f'\n  and {len(problems) - _SHOWN} more' if len(problems) > _SHOWN else ''
            listed = ''.join(f'\n  {problem}' for problem in problems[:_SHOWN])
            raise DataError(f'{labels} cannot be submitted to {form.title} ({name}):{listed}{more}')
    return path


def required_frames(form: Form, video: PromptedVideo) -> list[str]:
    """Frames of a video that a server asks for, in order.

    Raises:
        ConfigError: The form takes listed frames, and the data set has no list of them.
    """
    if not form.listed:
        return list(video.images)
    if video.saved is None:
        raise ConfigError(
            f"{form.title} asks for the frames of meta.json, which these videos were read without: layout='youtube_vos'."
        )
    return in_order(video.saved)


def _check_video(form: Form, video: PromptedVideo, names: Mapping[str, Path], merge: bool) -> Iterator[str]:
    required = required_frames(form, video)
    absent = [frame for frame in required if f'{video.name}/{frame}' not in names]
    yield from (f'{video.name}/{frame}: missing' for frame in absent)
    given: set[int] = set()
    for frame in in_order({*video.images, *required}):
        if frame in video.prompts:
            given |= _ids_given(video, frame, merge)
        if frame not in video.images:
            yield f'{video.name}/{frame}: is asked for, and the data set has no such image'
        elif frame in required and frame not in absent:
            problem = _problem(names[f'{video.name}/{frame}'], video.images[frame], given)
            if problem:
                yield f'{video.name}/{frame}: {problem}'


def _ids_given(video: PromptedVideo, frame: str, merge: bool) -> set[int]:
    ids = video.prompts[frame]
    if ids is None or merge:
        labels = read_objects(video.labels[frame], video.encoding, merge)
        return {int(value) for value in present_values(labels)} - {0, UNKNOWN}
    return set(ids)


def _problem(file: Path, image: Path, given: set[int]) -> str:
    """What is wrong with one label file; '' if nothing is."""
    try:
        labels = read_annotation(file, 'index')
        with Image.open(file) as opened:
            mode, palette = opened.mode, np.array(opened.getpalette() or [], np.uint8)
    except (DataError, OSError) as error:
        return str(error)
    if file.suffix.lower() != '.png' or mode != 'P':
        return f'an indexed PNG is expected, found {file.suffix} of mode {mode}'
    size = image_size(image)
    if labels.shape != tuple(size):
        return f'{labels.shape[0]}x{labels.shape[1]}, its image {size[0]}x{size[1]} (height x width)'
    foreign = sorted({int(value) for value in present_values(labels)} - given - {0})
    if foreign:
        return (
            f'holds the id {", ".join(map(str, foreign))}; given up to this frame: {", ".join(map(str, sorted(given)))}'
        )
    used = max(given, default=0) + 1
    if not np.array_equal(palette[: 3 * used], davis_palette()[:used].reshape(-1)):
        return "its palette is not that of DAVIS: write labels with salseg's write_label_png"
    return ''


def _add_video(archive: zipfile.ZipFile, form: Form, video: PromptedVideo, names: Mapping[str, Path]) -> None:
    for frame in required_frames(form, video):
        inside = '/'.join(part for part in (form.prefix, video.name, f'{frame}.png') if part)
        archive.writestr(zipfile.ZipInfo(inside, _DATE), names[f'{video.name}/{frame}'].read_bytes())


def submit_folder(
    name: str, labels: str | Path, data: str | Path, path: str | Path, list_file: str | None = None
) -> Path:
    """:func:`write_submission` for labels that are there already, with the data set's folder; see `find_videos_of`."""
    return write_submission(name, labels, find_videos_of(name, data, list_file), path)
