"""Sets of image groups that `salseg convert` knows."""

from pathlib import Path

from salseg.apis.converting.entries import Converter, Option

_GROUP_FOLDERS = (
    Option('images', 'images of a group, {video} for the group, if called unusually'),
    Option('labels', 'masks, likewise'),
    Option('groups', 'groups to take; all by default', metavar='NAME', many=True),
)


def _cosod(name: str, groups: tuple[int, ...], images: tuple[int, ...], page: str = '', licence: str = '') -> Converter:
    return Converter(
        name,
        'CoSOD',
        'the release, or a copy of it: images and masks in a folder per group',
        'image/<group>/ gt/<group>/, 0 and 255',
        'groups:convert_groups',
        options=_GROUP_FOLDERS,
        published={'groups': groups, 'images': images},
        page=page,
        licence=licence,
    )


GROUP_SETS = (
    _cosod('CoCA', (80,), (1295,), 'http://zhaozhang.net/coca.html', 'free for research, not commercial'),
    _cosod('CoSOD3k', (160,), (3316,), 'http://dpfan.net/CoSOD3K/'),
    _cosod('Cosal2015', (50,), (2015,)),
    _cosod('iCoseg', (38,), (643,)),
    _cosod('MSRC', (7, 8), (233, 240)),
    Converter(
        'COCO-groups',
        'CoSOD',
        'folder of COCO: train2017/, annotations/; or any folder of images with --annotations',
        'img/<category>/ gt/<category>/, 0 and 255',
        'coco:coco_groups',
        options=(
            Option('images', 'folder of the images (train2017, or SOURCE itself)'),
            Option('annotations', 'instances (annotations/instances_train2017.json)', Path, 'FILE'),
            Option('min_area', 'of an instance (4000)', float, 'PIXELS'),
            Option('least', 'images of a group (2)', int, 'N'),
            Option('most', 'images of a group; the largest objects stay', int, 'N'),
            Option('size', 'squares of this side, 224 in the published copies', int, 'PIXELS'),
        ),
        how='',
    ),
)
