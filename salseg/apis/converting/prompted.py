"""Sets of video object segmentation: YouTube-VOS, MOSE, BL30K, Long-Time Video."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from salseg.apis.converting.files import Progress, Summary, separate, take, with_progress
from salseg.apis.converting.pairing import nothing_found
from salseg.apis.converting.trees import VideoFolders, find_roots, find_video_folders, split_of
from salseg.apis.converting.writing_videos import (
    Coverage,
    Expected,
    Listed,
    Videos,
    every_frame,
    first_frame,
    listed,
    some_frame,
    take_ids,
)
from salseg.errors import DataError
from salseg.io.annotations import read_annotation
from salseg.io.files import replacing, write_text
from salseg.io.listing import by_stem
from salseg.visualization.palette import write_label_png

_SPLITS = {'train': ('train',), 'valid': ('valid', 'val'), 'test': ('test',)}
# What tells the years of YouTube-VOS apart: validation videos, test videos, objects of the training videos.
_YEARS = {
    'valid': {474: '2018', 507: '2019'},
    'test': {508: '2018', 541: '2019'},
    'train': {5945: '2018', 6459: '2019'},
}
# Training videos that XMem's released list leaves out: annotations that are empty or mere outlines.
YOUTUBE_LEFT_OUT = frozenset(
    ('01e64dd36a', '04259896e2', '1336440745', '5bc77844da', '5ee23ca60e', '738e5a0a14', 'f8af30d4b6')
)
_NAMES = {'2018': 'YouTube-VOS', '2019': 'YouTube-VOS-2019'}
_ALL_FRAMES = '_all_frames'
# Copies of Long-Time Video by the end of their folder's name, and where each goes.
_LONG_COPIES = {'_davis_x3': 'davis_x3', '_davis': 'davis', '_x3': 'x3'}


def convert_youtube_vos(
    source: Path,
    out: Path,
    year: str = '2018',
    size: int = 480,
    keep_all: bool = False,
    partial: bool = False,
    how: str = 'copy',
    progress: Progress = None,
) -> Summary:
    """Training videos with a shorter side of 480 pixels; validation and test videos, and all their frames, as they are.

    Args:
        source: Folder with ``train``, ``valid``, ``test``, ``all_frames``, or one of them, or folders around them.
        out: Gets ``train_480p``, ``valid``, ``test``, ``all_frames``, as far as they are there.
        year: '2018' or '2019'; refused where the number of videos or of objects is that of the other.
        size: Shorter side of the training videos in pixels.
        keep_all: List those too that XMem leaves out.
        partial: Take what is there, however many annotations are missing.
        how: 'copy', 'hardlink' or 'symlink' what stays as it is.
        progress: Told how many videos are done, split by split.

    Raises:
        DataError: No split is there, it is of the other year, or most annotations are missing.
    """
    separate(source, out)
    if size < 1:
        raise DataError(f'--size {size}; expected at least 1 pixel.')
    splits, every = _splits_of(source), _all_frames_of(source)
    if not splits and not every:
        raise nothing_found(source, 'no split', ('train/JPEGImages', 'valid/JPEGImages'))
    found = {_year_of(name, root) for name, root in splits.items()} - {None}
    if found and year not in found:
        (other, *_) = sorted(str(own) for own in found)
        raise DataError(
            f'{source} is not {_NAMES[year]}: this looks like {_NAMES[other]}: salseg convert {_NAMES[other]} {source}'
        )
    summary = Summary(out)
    found_videos = {name: _split(name, root, _given_frames(root) or first_frame) for name, root in splits.items()}
    used = _checked(source, found_videos, summary, partial)
    for name, videos in found_videos.items():
        if name == 'train':
            _shrink_train(splits[name], used[name], out / 'train_480p', size, keep_all, summary, progress)
        else:
            videos.write_used(used[name], out, summary, how, progress)
        _take_meta(splits[name], out / ('train_480p' if name == 'train' else name), summary, how)
    for root in every:
        _take_all_frames(root, out / 'all_frames' / root.name.lower(), summary, how, progress)
    if 'valid' in splits and not any(root.name.lower() == 'valid' + _ALL_FRAMES for root in every):
        summary.note('not in the source; XMem tracks all frames of valid', 'all_frames/valid_all_frames/')
    return summary


def _split(name: str, root: Path, expected: Expected) -> Videos:
    """A split; training videos are annotated throughout."""
    return Videos(
        root, find_video_folders(root), listed, take_ids, every_frame if name == 'train' else expected, sub=name
    )


def _checked(source: Path, splits: Mapping[str, Videos], summary: Summary, partial: bool) -> dict[str, list[Any]]:
    """Videos of every split that have frames; nothing is written before the whole release is judged.

    The other splits of a release are annotated in a frame or two: they do not make up for missing training annotations.
    """
    total, parts = Coverage(), {name: Coverage() for name in splits}
    used = {name: videos.check(summary, parts[name]) for name, videos in splits.items()}
    for part in parts.values():
        total.include(part)
    if splits:
        lacking = 'train' in parts and parts['train'].lacks_most and not partial
        (parts['train'] if lacking else total).judge(source, summary, partial)
    return used


def _splits_of(source: Path) -> dict[str, Path]:
    """Folders that hold the frames of a split, by its name.

    Raises:
        DataError: A split is there twice, as where the releases of two years lie side by side.
    """
    found: dict[str, Path] = {}
    for root in find_roots(source):
        parts = (source.name, *root.relative_to(source).parts)
        if any(part.lower().endswith(_ALL_FRAMES) for part in parts):
            continue
        name = split_of(parts, _SPLITS) or _split_by_content(root)
        # Beside the release there may be copies of a split, such as train_480p.
        if name in found and (found[name].name.lower() == name) == (root.name.lower() == name):
            raise DataError(f'{source} holds {name} twice, {found[name]} and {root}. Give the folder of one release.')
        if name not in found or root.name.lower() == name:
            found[name] = root
    return dict(sorted(found.items(), key=lambda pair: list(_SPLITS).index(pair[0])))


def _split_by_content(root: Path) -> str:
    """The split of a folder whose name says nothing: training videos are annotated throughout."""
    for folders in find_video_folders(root):
        video = listed(folders)
        if len(video.frames) > 2:
            return 'train' if 2 * len(set(video.labels) & set(video.frames)) > len(video.frames) else 'valid'
    return 'train'


def _all_frames_of(source: Path) -> list[Path]:
    return [root for root in find_roots(source) if root.name.lower().endswith(_ALL_FRAMES)]


def _year_of(split: str, root: Path) -> str | None:
    if split == 'train':
        meta = _meta(root)
        number = sum(len(entry.get('objects', ())) for entry in meta.values()) if meta else 0
    else:
        number = len(find_video_folders(root))
    return _YEARS[split].get(number)


def _meta(root: Path) -> dict[str, Any]:
    """Videos of ``meta.json``; none where there is no file.

    Raises:
        DataError: The file is broken.
    """
    if not (root / 'meta.json').is_file():
        return {}
    try:
        videos = json.loads((root / 'meta.json').read_text(encoding='utf-8-sig'))['videos']
        return {str(name): dict(entry) for name, entry in videos.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f'{root / "meta.json"} cannot be read as that of YouTube-VOS: {error!r}.') from error


def _given_frames(root: Path) -> Expected | None:
    """Frames in which ``meta.json`` gives an object for the first time."""
    meta = _meta(root)
    if not meta:
        return None
    try:
        first = {v: {o['frames'][0] for o in entry['objects'].values()} for v, entry in meta.items()}
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise DataError(f'{root / "meta.json"} does not say in which frames objects are: {error!r}.') from error

    def expected(video: Listed) -> Iterable[str]:
        return sorted(first[video.name]) if video.name in first else first_frame(video)

    return expected


def _take_meta(root: Path, out: Path, summary: Summary, how: str) -> None:
    if (root / 'meta.json').is_file():
        take(root / 'meta.json', out / 'meta.json', how)
    else:
        summary.warn('meta.json is missing, which says when objects appear', str(root))


def _take_all_frames(root: Path, out: Path, summary: Summary, how: str, progress: Progress) -> None:
    for video in with_progress(find_video_folders(root), progress):
        for stem, frame in by_stem(video.frames).items():
            take(frame, out / 'JPEGImages' / video.name / f'{stem}{frame.suffix.lower()}', how)
            summary.count(f'{root.name.lower()} frames')


def _shrink_train(
    root: Path, used: Sequence[Any], out: Path, size: int, keep_all: bool, summary: Summary, progress: Progress
) -> None:
    """Resize training videos so that the shorter side has ``size`` pixels: images bicubic, ids by nearest neighbour.

    Both sides are the old ones times ``size / shorter side``, cut to whole numbers, as in XMem's released script; small
    videos become larger. ``train.txt`` leaves out the seven videos that XMem's released list leaves out.
    """
    names = []
    for entry in with_progress(used, progress):
        video = listed(entry)
        summary.count('train videos')
        labels = {stem: path for stem, path in video.labels.items() if stem in video.frames}
        for stem, path in video.frames.items():
            _write_frame(path, out / 'JPEGImages' / video.name / f'{stem}.jpg', size)
            summary.count('train frames')
        for stem, path in labels.items():
            _write_ids(path, out / 'Annotations' / video.name / f'{stem}.png', size)
            summary.count('train annotations')
        if video.name in YOUTUBE_LEFT_OUT and not keep_all:
            summary.note("not listed, as in XMem's released list", video.name)
        else:
            names.append(video.name)
    write_text(out / 'train.txt', ''.join(f'{name}\n' for name in names))


def scaled(width: int, height: int, size: int) -> tuple[int, int]:
    """(width, height) whose shorter side is ``size``, cut to whole numbers."""
    ratio = size / min(width, height)
    return int(width * ratio), int(height * ratio)


def _write_frame(path: Path, target: Path, size: int) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with Image.open(path) as image:
            width, height = image.size
            smaller = image.convert('RGB').resize(scaled(width, height, size), Image.Resampling.BICUBIC)
    except (OSError, ValueError) as error:
        raise DataError(f'{path} cannot be read: {error}.') from error
    with replacing(target, durable=False) as temporary:
        smaller.save(temporary, format='JPEG', quality=95)


def _write_ids(path: Path, target: Path, size: int) -> None:
    if target.exists():
        return
    ids = Image.fromarray(read_annotation(path, 'index'))
    width, height = ids.size
    write_label_png(target, np.asarray(ids.resize(scaled(width, height, size), Image.Resampling.NEAREST)))


def convert_mose(
    source: Path, out: Path, partial: bool = False, how: str = 'copy', progress: Progress = None
) -> Summary:
    """MOSE: ``train/``, annotated throughout, and ``valid/``, of which the first frame is.

    Args:
        source: Folder with ``train`` and ``valid``, or one of them, or folders around them.
        out, partial, how, progress: See `convert_youtube_vos`.

    Raises:
        DataError: No split is there, or most annotations are missing.
    """
    separate(source, out)
    splits = _splits_of(source)
    if not splits:
        raise nothing_found(source, 'no split', ('train/JPEGImages', 'valid/JPEGImages'))
    summary = Summary(out)
    found = {name: _split(name, root, first_frame) for name, root in splits.items()}
    used = _checked(source, found, summary, partial)
    for name, videos in found.items():
        videos.write_used(used[name], out, summary, how, progress)
    return summary


def convert_bl30k(
    source: Path, out: Path, partial: bool = False, how: str = 'copy', progress: Progress = None
) -> Summary:
    """BL30K, its six archives unpacked side by side or into one folder.

    Args:
        source: Folder of them.
        out, partial, how, progress: See `convert_youtube_vos`.

    Raises:
        DataError: No video is there, two have one name, or most annotations are missing.
    """
    separate(source, out)
    summary = Summary(out)
    videos = Videos(source, find_video_folders(source), listed, take_ids, every_frame)
    videos.write_to(out, summary, how, progress, partial)
    return summary


def convert_long_time(
    source: Path, out: Path, partial: bool = False, how: str = 'copy', progress: Progress = None
) -> Summary:
    """Long-Time Video: sparse object ids; its copies of ``long_video_set`` go to ``x3/``, ``davis/`` and ``davis_x3/``.

    Args:
        source: The three videos, or ``long_video_set``.
        out, partial, how, progress: See `convert_youtube_vos`.

    Raises:
        DataError: No video is there, or none is annotated.
    """
    separate(source, out)
    copies: dict[str, list[VideoFolders]] = {}
    for video in find_video_folders(source):
        copies.setdefault(_copy_of((source.name, *video.above)), []).append(video)
    summary = Summary(out)
    found = {
        sub: Videos(source, videos, listed, take_ids, some_frame, sub=sub) for sub, videos in sorted(copies.items())
    }
    used = _checked(source, found, summary, partial)
    for sub, writer in found.items():
        writer.write_used(used[sub], out, summary, how, progress)
    return summary


def _copy_of(above: Sequence[str]) -> str:
    for name in reversed(above):
        for end, sub in _LONG_COPIES.items():
            if name.lower().endswith(end):
                return sub
    return ''
