"""Which data sets can be converted, and how: what `salseg convert` offers.

An entry names its function, which is imported when it is called: the list loads nothing heavy. A function takes
``(source, out)``, the entry's ``fixed`` arguments, those of its options that were given, and ``progress``; where files can be
linked instead of copied, ``how``. It returns a :class:`~salseg.apis.converting.files.Summary`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

from salseg.apis.converting.files import Progress, Summary
from salseg.errors import DataError, UnknownName

_PACKAGE = 'salseg.apis.converting'


@dataclass(frozen=True)
class Option:
    """An option of a converter.

    Attributes:
        name: Argument of its function; ``--name`` on the command line, with '-' for '_'.
        help: For the user, with the default.
        type: Of a value; bool for a switch.
        metavar: For the value.
        choices: Allowed values, where they are few.
        many: Whether it takes several values.
        flag: Another name on the command line.
    """

    name: str
    help: str
    type: Callable[[str], Any] = str
    metavar: str = 'DIR'
    choices: tuple[str, ...] | None = None
    many: bool = False
    flag: str = ''


@dataclass(frozen=True)
class Converter:
    """How a data set, or a user's own data, becomes what salseg reads.

    Attributes:
        name: On the command line, upper and lower case alike.
        task: SOD, CoSOD, VSOD, VOS, or 'any'.
        source: What SOURCE is.
        writes: What is written.
        function: ``module:name`` below this package.
        folder: Where the result lies below the data root; a user's own data may go elsewhere.
        fixed: Arguments of the function that this entry decides.
        options: Arguments that the user may give.
        how: Whether files are copied ('copy') or linked ('symlink') by default; empty where none can be linked.
        published: By kind of the summary, the counts of the release or of its versions and splits.
        page: Where the release is published.
        licence: As it is stated there.
    """

    name: str
    task: str
    source: str
    writes: str
    function: str
    folder: str = ''
    fixed: Mapping[str, Any] = field(default_factory=dict)
    options: tuple[Option, ...] = ()
    how: str = 'symlink'
    published: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    page: str = ''
    licence: str = ''

    def out(self, root: Path) -> Path:
        """Where the result lies below a data root."""
        return root / (self.folder or self.name)

    def convert(
        self, source: Path, out: Path, how: str | None = None, progress: Progress = None, **options: Any
    ) -> Summary:
        """Convert.

        Args:
            source: The release as it was unpacked, or a user's data.
            out: Folder (of boxes, file) to write; what is there already stays.
            how: 'copy', 'hardlink' or 'symlink'.
            progress: Told how many items are done.
            options: By name; those that are left out have the function's defaults.

        Raises:
            DataError: The source is not as it must be, an option is none of this converter's, or nothing can be written.
        """
        unknown = sorted(set(options) - {option.name for option in self.options})
        if unknown:
            names = ', '.join(option.name for option in self.options) or 'none'
            raise DataError(f'{self.name} has no option {unknown[0]}; its options: {names}.')
        if how is not None and not self.how:
            raise DataError(f'{self.name} writes every file anew: nothing can be linked.')
        module, _, name = self.function.partition(':')
        links = {'how': how or self.how} if self.how else {}
        function = getattr(import_module(f'{_PACKAGE}.{module}'), name)
        try:
            return function(source, out, **self.fixed, **options, **links, progress=progress)
        except OSError as error:
            raise DataError(f'{out} cannot be made from {source}: {error}.') from error


def find_converter(name: str) -> Converter:
    """The converter of a name, upper and lower case alike.

    Raises:
        UnknownName: There is none; the nearest are named.
    """
    known = {own.lower(): converter for own, converter in CONVERTERS.items()}
    if name.lower() in known:
        return known[name.lower()]
    near = [known[key].name for key in get_close_matches(name.lower(), known, n=3, cutoff=0.5)]
    raise UnknownName(
        f'nothing called {name!r} can be converted. '
        + (f'Nearest: {", ".join(near)}. ' if near else '')
        + 'All: salseg convert --list'
    )


_IMAGES = Option('images', 'images, where the folder is called unusually')
_GROUP_FOLDERS = (
    Option('images', 'images of a group, {video} for the group, if called unusually'),
    Option('labels', 'masks, likewise'),
    Option('groups', 'groups to take; all by default', metavar='NAME', many=True),
)
_VIDEO_FOLDERS = (
    Option('images', 'frames of a video, {video} in it, where no layout fits'),
    Option('labels', 'annotations, likewise'),
)
_LISTS = Option('lists', 'splits: a video a line', Path, 'FILE', many=True)
_LAYOUT = Option('layout', 'layout of the source (found out by default)', metavar='NAME')
_DAVIS = (
    Option('resolution', 'folder of frames: 480p (default), 1080p or Full-Resolution', metavar='NAME'),
    Option('lists', "lists of either form; by default the release's own of that year", Path, 'FILE', many=True),
)
_MASKS = 'JPEGImages/<video>/ Annotations/<video>/, 0 and 255'
_DUTS_PAGE = 'http://saliencydetection.net/duts/'


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


_RELEASES = (
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
        'groups:coco_groups',
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
    Converter(
        'DAVIS-2016',
        'VSOD',
        'folder DAVIS of the release of 2016 or 2017',
        _MASKS + ', all objects united; ImageSets/',
        'videos:convert_davis',
        fixed={'masks': 'union', 'years': ('2016', '480p')},
        options=_DAVIS,
        published={'videos': (20, 30, 50), 'frames': (1376, 2079, 3455)},
        page='https://davischallenge.org/',
    ),
    Converter(
        'DAVIS-2017',
        'VOS',
        'folder DAVIS of the release of 2017',
        'JPEGImages/<video>/ Annotations/<video>/, object ids; ImageSets/',
        'videos:convert_davis',
        fixed={'masks': 'ids', 'years': ('2017',)},
        options=_DAVIS,
        published={'videos': (30, 60, 90), 'frames': (1999, 4209, 6208)},
        page='https://davischallenge.org/',
    ),
    Converter(
        'YouTube-VOS',
        'VOS',
        'folder train of the release, or the one around it',
        'JPEGImages/ Annotations/ meta.json train.txt, 480 pixels of the shorter side',
        'videos:shrink_youtube_vos',
        folder='YouTube/train_480p',
        options=(
            Option('size', 'shorter side (480)', int, 'PIXELS'),
            Option('keep_empty', 'list videos whose first annotation is empty too', bool),
        ),
        how='',
        published={'videos': (3471,)},
        page='https://youtube-vos.org',
        licence='research, not commercial; see the page',
    ),
    Converter(
        'VOS',
        'VSOD',
        'VOS, or another video saliency set of any layout (ViSal, YouTube-Objects)',
        _MASKS,
        'videos:convert_videos',
        options=(_LAYOUT, *_VIDEO_FOLDERS, _LISTS),
        published={'videos': (40, 119, 159, 199, 200)},
        page='http://cvteam.net/projects/TIP18-VOS/VOS.html',
    ),
    Converter(
        'DAVSOD',
        'VSOD',
        'a split of DAVSOD, a folder per video',
        _MASKS + ', object level',
        'videos:convert_videos',
        fixed={'layout': 'davsod'},
        options=(*_VIDEO_FOLDERS, _LISTS),
        published={'videos': (20, 25, 35, 46, 61, 80, 187)},
    ),
    Converter(
        'FBMS',
        'VSOD',
        'folder with Trainingset/ and Testset/: PGM and PPM annotations',
        _MASKS + '; ImageSets/',
        'videos:convert_fbms',
        published={'videos': (29, 30, 59)},
        page='https://lmb.informatik.uni-freiburg.de/resources/datasets/',
        licence='research; see the page',
    ),
)
_OWN = (
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
CONVERTERS: dict[str, Converter] = {converter.name: converter for converter in (*_RELEASES, *_OWN)}
