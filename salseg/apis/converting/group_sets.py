"""Sets of image groups that `salseg convert` knows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from salseg.apis.converting.entries import PARTIAL, UNSTATED, Converter, Option

_GROUP_FOLDERS = (
    Option('images', 'images of a group, {group} in it, if called unusually'),
    Option('masks', 'masks, likewise'),
    Option('groups', 'groups to take; all by default', metavar='NAME', many=True),
    PARTIAL,
)
_BENCHMARK = ('Image', 'GroundTruth')


def _cosod(
    name: str,
    groups: tuple[int, ...],
    images: tuple[int, ...],
    fixed: Mapping[str, Any],
    page: str = '',
    licence: str = UNSTATED,
    title: str = '',
    source: str = 'the release, or a copy of it: images and masks in a folder per group',
) -> Converter:
    return Converter(
        name,
        'CoSOD',
        source,
        'image/<group>/ gt/<group>/, 0 and 255',
        'cosod:convert_groups',
        fixed={'name': name, **fixed},
        options=_GROUP_FOLDERS,
        published={'groups': groups, 'images': images},
        page=page,
        title=title,
        licence=licence,
    )


GROUP_SETS = (
    _cosod(
        'CoCA',
        (80,),
        (1295,),
        {'known': (('image', 'binary'),)},
        'http://zhaozhang.net/coca.html',
        'free for research, not commercial',
    ),
    _cosod('CoSOD3k', (160,), (3316,), {'known': (_BENCHMARK,)}, 'http://dpfan.net/CoSOD3K/'),
    _cosod(
        'Cosal2015',
        (50,),
        (2015,),
        {'known': (_BENCHMARK,)},
        'https://drive.google.com/u/0/uc?id=1mmYpGx17t8WocdPcw2WKeuFpz6VHoZ6K',
    ),
    _cosod(
        'iCoseg',
        (38,),
        (643,),
        {
            'known': (_BENCHMARK,),
            'versions': ((38, '38 groups, 643 images'), (8, '8 groups: the subset of co-segmentation, not the set')),
        },
        title='iCoseg: Interactive Co-segmentation with Intelligent Scribble Guidance, CVPR 2010',
    ),
    _cosod(
        'MSRC',
        (7, 8),
        (233, 240),
        {
            'known': (_BENCHMARK, ('', 'GroundTruth')),
            'versions': (
                (7, '7 groups, 233 images: the benchmark copy; say so beside scores'),
                (8, '8 groups, 240 images: as in the mask-guided FCN paper; say so beside scores'),
            ),
        },
        title='Object Categorization by Learned Universal Visual Dictionary, ICCV 2005',
    ),
    _cosod(
        'CoCo-SEG',
        (65,),
        (9213,),
        {'known': (('img', 'gt'),), 'side': 224},
        'https://drive.google.com/file/d/1GbA_WKvJm04Z1tR8pTSzBdYVQ75avg4f/view',
        source='COCO9213 (images of 224x224, which DCFM trains on) or COCO9213-os (original sizes)',
    ),
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
        title='Microsoft COCO: Common Objects in Context, ECCV 2014',
    ),
)
