"""Sets of single images that `salseg convert` knows."""

from pathlib import Path

from salseg.apis.converting.entries import Converter, Option

_DUTS_PAGE = 'http://saliencydetection.net/duts/'

IMAGE_SETS = (
    Converter(
        'DUTS',
        'SOD',
        'folder with DUTS-TR/ and DUTS-TE/, or one of them',
        'image/ mask/ train.txt test.txt',
        'saliency:convert_duts',
        options=(Option('scribbles', 'scribbles of DUTS-TR too: 0 unknown, 1 object, 2 background', Path),),
        published={'train images': (10553,), 'test images': (5019,)},
        page=_DUTS_PAGE,
    ),
    Converter(
        'S-DUTS',
        'SOD',
        'folder of scribble PNGs; DUTS is converted already',
        'scribble/ train.txt, beside the images of DUTS',
        'saliency:add_scribbles',
        folder='DUTS',
        published={'scribbles': (10553,)},
        page='https://github.com/JingZhang617/Scribble_Saliency',
    ),
)
