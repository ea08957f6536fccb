"""Which release a folder is, by what it holds: so that the source of another set is named rather than half converted.

A signature is a few folders and files that a release has wherever it was unpacked to, and others hardly have. Only a part of a
folder is listed, so that a disk full of frames costs no more than a small set.
"""

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from salseg.apis.converting.pairing import SHOWN
from salseg.apis.converting.trees import sub_folders
from salseg.errors import DataError
from salseg.io.formats import IMAGE_SUFFIXES
from salseg.io.listing import is_stray, walk_files

# What is listed: levels below the source, folders of a folder, files of a folder, folders in all.
_DEPTH, _FOLDERS, _FILES = 5, 40, 40
_ALL_FOLDERS = 2000
_IMAGE = r'\.(jpe?g|png|bmp)'
_SEGTRACK = '(birdfall|bird_of_paradise|bmx|cheetah|drift|girl|hummingbird|monkeydog|parachute|penguin|worm)'
_HEX10, _HEX8 = '[0-9a-f]{10}', '[0-9a-f]{8}'

# By name the alternatives, each a few ends of paths that must all be there, as regular expressions; folders end with '/',
# all is in lower case. The first name of two that fit is the likelier one. These names are nobody else's.
SIGNATURES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    'DUTS': (('duts-tr-image/',), ('duts-te-image/',), ('duts-tr-mask/',), ('duts-te-mask/',)),
    'ECSSD': (('images/', 'ground_truth_mask/'), ('ecssd/', r'ecssd/0\d{3}\.jpg')),
    'DUT-OMRON': (('dut-omron-image/',), ('pixelwisegt-new-png/',)),
    'PASCAL-S': (('imgs/pascal/', 'masks/pascal/'),),
    'THUR15K': (('thur15(000|k)/',), ('(butterfly|coffeemug|dogjump|giraffe|plane)/src/',)),
    'HRSOD': (('hrsod_(train|test)(_mask)?/',),),
    'BIG': ((r'[^/]+_im\.jpg', r'[^/]+_gt(_?\w+)?\.png'),),
    'FSS-1000': (('support/[^/]+/label/',), ('fss-1000/',)),
    'VOC2012': (('segmentationobject/', 'jpegimages/', 'imagesets/segmentation/'),),
    'COCO': ((r'annotations/instances_(train|val)2017\.json',),),
    'FBMS': (('(trainingset|testset)/[^/]+/groundtruth/',),),
    'DAVSOD': (('gt_object_level/',),),
    'LongTimeVideo': (('jpegimages/(480p/)?(blueboy|dressage|rat)/',),),
    'DAVIS-2017-unsupervised': (('annotations_unsupervised/',),),
    'DAVIS-2017-testdev': ((r'imagesets/2017/test-dev\.txt',),),
    'DAVIS-2017': ((r'imagesets/2017/(train|val)\.txt',),),
    'DAVIS-2016': (('imagesets/(480p|1080p)/', 'jpegimages/(480p|1080p)/'),),
    'YouTube-VOS': ((r'meta\.json', f'jpegimages/{_HEX10}/'), (f'train_all_frames/jpegimages/{_HEX10}/',)),
    'MOSE': ((f'(train|valid)/jpegimages/{_HEX8}/',),),
    'SegTrackv2': ((f'jpegimages/{_SEGTRACK}/', f'groundtruth/{_SEGTRACK}/'),),
    'BL30K': (('bl30k([_-]?[a-f])?/', 'jpegimages/[^/]+/', 'annotations/[^/]+/'),),
    'CoCo-SEG': (('coco9213(-os)?/',),),
    'CoCA': (('image/[^/]+/', 'binary/[^/]+/'),),
    'MSRC': ((rf'\d+_\d+_s{_IMAGE}',),),
    'CoSOD3k': (('groundtruth/[^/]+/', r'image/[^/]+/ilsvrc\d+_[^/]+'),),
    'Cosal2015': (('co(sal2015|sal150)/', 'groundtruth/[^/]+/'),),
    'iCoseg': (('icoseg/',),),
    'MSRA10K': (('(msra10k_imgs_gt|thus10000)/',),),
    'MSRA-B': (('msra-?b/',),),
    'HKU-IS': (('hku-?is/',),),
    'ViSal': (('visal/',),),
}
# What a copy of another set may have by chance: it tells that a release is itself, and hints at another one.
HINTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    'FSS-1000': ((r'[^/]*[a-z][^/]*/1\.jpg', r'[^/]*[a-z][^/]*/1\.png', r'[^/]*[a-z][^/]*/2\.png'),),
    'CoCo-SEG': ((r'img/[^/]+/coco_[^/]+\.png', 'gt/[^/]+/'),),
    'Cosal2015': (('groundtruth/[^/]+/', r'image/([^/]+)/\1_\d+\.jpg'),),
    'iCoseg': (('images/[^/]+/', 'ground_truth/[^/]+/'),),
    'MSRA10K': ((r'imgs/\d{2,6}\.jpg', r'imgs/\d{2,6}\.png'),),
    'MSRA-B': ((r'\d+_\d+_\d+\.jpg', r'\d+_\d+_\d+\.png'),),
    'HKU-IS': ((r'imgs/[^/]+\.png', r'gt/[^/]+\.png'),),
    'VOS': ((r'\d{1,3}/imgs/',), (r'jpegimages/\d{1,3}/',)),
}
# Names that read a source of one another.
_TOGETHER = (
    {'COCO', 'COCO-groups', 'coco'},
    # Their converter tells them apart by what it reads.
    {'DAVIS-2016', 'DAVIS-2017', 'DAVIS-2017-testdev', 'DAVIS-2017-unsupervised'},
    {'YouTube-VOS', 'YouTube-VOS-2019'},
    {'DUTS', 'S-DUTS'},
)
# What belongs to another set may lie in its folder.
_BESIDE = {'S-DUTS'}
# Their folders have names that those of other sets have, too.
_COMMON = {
    *('HKU-IS', 'MSRA-B', 'FSS-1000', 'CoCA', 'CoSOD3k', 'Cosal2015', 'iCoseg', 'MSRC', 'CoCo-SEG'),
    *('DAVIS-2016', 'DAVIS-2017', 'DAVIS-2017-testdev', 'DAVIS-2017-unsupervised', 'YouTube-VOS', 'YouTube-VOS-2019'),
    *('VOS', 'DAVSOD', 'ViSal', 'SegTrackv2', 'LongTimeVideo', 'BL30K', 'MOSE'),
}


def recognise(source: Path, hints: bool = True) -> list[str]:
    """Names of the releases that a folder looks like, the likeliest first; without hints those that leave no doubt."""
    paths = _listed(source)
    found = [name for name, forms in SIGNATURES.items() if any(_holds(paths, form) for form in forms)]
    hinted = [name for name, forms in HINTS.items() if any(_holds(paths, form) for form in forms)] if hints else []
    return list(dict.fromkeys([*found, *hinted]))


def other_release(name: str, source: Path) -> str:
    """The release that a folder looks like if it does not look like the one that it is said to be; '' otherwise."""
    found = recognise(source) if source.is_dir() else []
    return found[0] if found and not _akin(name) & set(found) else ''


def refuse_other(name: str, source: Path) -> None:
    """Refuse a source that is another release's without a doubt, whatever it also hints at.

    Nothing is refused for what has no signature: scribbles, people's own data, sets whose layout is a common one.

    Raises:
        DataError: It is; the message is the command that reads it.
    """
    if not _akin(name) & set(SIGNATURES) or name in _BESIDE or not source.is_dir():
        return
    others = recognise(source, hints=False)
    if others and not _akin(name) & set(others):
        raise DataError(f'{source} is not {name}: {command_for(others[0], source)}')


def own_part(name: str, source: Path) -> Path:
    """The folder of a release in a folder that holds several, as a folder of downloads does; the source where it is one.

    A release of several archives that lie among those of other sets is left to its converter, if its folders have names of
    their own; others would take the folders of those sets for theirs.

    Raises:
        DataError: Folders of other sets lie beside, and none or several are this one's.
    """
    if not source.is_dir() or name in _BESIDE:
        return source
    own, strangers, inside = [], {}, sub_folders(source)
    for folder in inside:
        certain = recognise(folder, hints=False)
        if _akin(name) & set(certain[:1] or recognise(folder)):
            own.append(folder)
        elif certain:
            strangers[folder.name] = certain[0]
    if len(inside) == len(own) == 1:
        part = own_part(name, inside[0])
        return source if part == inside[0] else part
    # A file of annotations may say what its folder is, with the images elsewhere.
    if len(own) == 1 and strangers and any(walk_files(own[0], IMAGE_SUFFIXES)):
        return own_part(name, own[0])
    if name in _COMMON and ((len(own) > 1 and strangers) or len(set(strangers.values())) > 1):
        others = ', '.join(f'{other} in {folder}/' for folder, other in list(strangers.items())[:SHOWN])
        raise DataError(f'{source} holds other sets too, {others}. Give the folder of {name} alone.')
    return source


def _akin(name: str) -> set[str]:
    """Names that read the same source."""
    return {name}.union(*(names for names in _TOGETHER if name in names))


def command_for(other: str, source: Path) -> str:
    """What a folder looks like, and the command that reads it."""
    return f'this looks like {other}: salseg convert {other} {shlex.quote(str(source))}'


def _listed(source: Path) -> str:
    """Paths below a folder, its own name in front, a line each; folders end with '/'."""
    found = [f'{source.resolve().name}/']
    waiting = [(source, found[0], 0)]
    while waiting:
        folder, below, depth = waiting.pop()
        folders, files = _inside(folder)
        found += [f'{below}{name}' for name in files]
        found += [f'{below}{name}/' for name in folders]
        if depth < _DEPTH and len(waiting) < _ALL_FOLDERS:
            waiting += [(folder / name, f'{below}{name}/', depth + 1) for name in folders]
    return '\n'.join(found).lower()


def _inside(folder: Path) -> tuple[list[str], list[str]]:
    """The first sub-folders and files of a folder, as the system gives them."""
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_stray(entry.name):
                    continue
                kept, most = (folders, _FOLDERS) if entry.is_dir() else (files, _FILES)
                if len(kept) < most:
                    kept.append(entry.name)
                if len(folders) >= _FOLDERS and len(files) >= _FILES:
                    break
    except OSError:
        # A folder that may not be read is no sign of anything.
        pass
    return folders, files


def _holds(paths: str, form: tuple[str, ...]) -> bool:
    ends = [end.replace('[^/]', '[^/\\n]') for end in form]
    return all(re.search(f'(?:^|/){end}$', paths, re.MULTILINE) for end in ends)
