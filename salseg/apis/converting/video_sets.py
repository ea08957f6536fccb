"""Sets of videos that `salseg convert` knows."""

from pathlib import Path

from salseg.apis.converting.entries import Converter, Option

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

VIDEO_SETS = (
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
