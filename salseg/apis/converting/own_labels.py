"""A user's own labels that `salseg convert` knows."""

from salseg.apis.converting.entries import Converter, Option

_IMAGES = Option('images', 'images, where the folder is called unusually')

OWN_LABELS = (
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
    ),
)
