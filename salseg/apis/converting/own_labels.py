"""A user's own labels that `salseg convert` knows."""

from pathlib import Path

from salseg.apis.converting.entries import Converter, Option

_IMAGES = Option('images', 'images, where the folder is called unusually')

_IDS = Option('ids', 'every object has a number of its own; by default all are 255', bool)
_DRAWN = 'image/ mask/ train.txt; 0 and 255, or ids'

OWN_LABELS = (
    Converter(
        'labelme',
        'SOD',
        'JSON files of labelme, with their images beside them, elsewhere or inside',
        _DRAWN,
        'labelme:convert_labelme',
        folder='own',
        options=(
            Option('images', 'images, where they lie elsewhere', Path),
            Option('labels', 'labels to take; all by default', metavar='NAME', many=True),
            _IDS,
        ),
        how='copy',
        own=True,
    ),
    Converter(
        'coco',
        'SOD',
        "images and a JSON file of instances, as annotation tools export COCO's form",
        _DRAWN,
        'coco:coco_masks',
        folder='own',
        options=(
            Option('images', 'folder of the images (train2017, images, or SOURCE itself)'),
            Option('annotations', 'the file; by default the only JSON file', Path, 'FILE'),
            Option('categories', 'categories to take; all by default', metavar='NAME', many=True),
            _IDS,
        ),
        how='copy',
        own=True,
    ),
    Converter(
        'masks',
        'SOD',
        'images and masks of the same names, in folders of any names and depth or side by side',
        'image/ mask/ train.txt, or scribble/',
        'own_masks:convert_masks',
        folder='own',
        options=(
            Option('images', 'images, where the folder is called unusually', Path),
            Option('masks', 'masks, likewise', Path),
            Option('ending', 'what masks have behind the name of their image, as _mask', metavar='TEXT'),
            Option(
                'encoding',
                'of the masks: binary (default), union (object ids as one object), index (object ids), soft, scribble',
                choices=('binary', 'union', 'index', 'soft', 'scribble'),
                metavar='NAME',
            ),
        ),
        how='copy',
        own=True,
    ),
    Converter(
        'painted',
        'SOD',
        'your images in image/, copies with scribbles in two colours in painted/',
        'image/ scribble/ train.txt, codes 0, 1, 2',
        'scribbles:scribbles_from_paint',
        folder='own',
        options=(
            Option('object_colour', 'of scribbles on the object (red)', metavar='COLOUR', flag='object'),
            Option('background_colour', 'of scribbles on the background (blue)', metavar='COLOUR', flag='background'),
            Option('tolerance', 'how far a channel may differ, 0 to 255 (60)', int, 'N'),
            _IMAGES,
            Option('painted', 'painted files, likewise'),
        ),
        how='copy',
        own=True,
    ),
    Converter(
        'scribbles',
        'SOD',
        'scribbles in a folder per class: img/, gt/, mask/; with --draw, images and masks',
        'image/ scribble/ train.txt, codes 0, 1, 2',
        'scribbles:convert_scribbles',
        options=(
            Option('draw', 'draw scribbles from the masks', bool),
            Option('seed', 'of the drawn scribbles (0)', int, 'N'),
            Option('width', 'brush; by default 1.2 to 2.2 % of the shorter side', float, 'PIXELS'),
            Option('sloppiness', 'how far scribbles may miss (0)', float, 'PIXELS'),
            _IMAGES,
            Option('masks', 'masks, likewise'),
        ),
        how='copy',
        own=True,
    ),
    Converter(
        'boxes',
        'any',
        'a data set with masks in any layout that check-data knows',
        'x0, y0, x1, y1 of each object; with --out FILE.json as COCO has it',
        'boxes:write_boxes',
        folder='boxes.csv',
        options=(
            Option('kind', 'what it is; found out by default', choices=('sod', 'cosod', 'vsod', 'vos'), metavar='KIND'),
            _IMAGES,
            Option('labels', 'masks, likewise'),
        ),
        how='',
        own=True,
    ),
)
