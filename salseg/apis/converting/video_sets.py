"""Sets of videos that `salseg convert` knows."""

from pathlib import Path

from salseg.apis.converting.entries import PARTIAL, UNSTATED, Converter, Option

_VIDEO_FOLDERS = (
    Option('images', 'frames of a video, {video} in it, where no layout fits'),
    Option('masks', 'annotations, likewise'),
    PARTIAL,
)
_LISTS = Option('lists', 'splits: a video a line', Path, 'FILE', many=True)
_DAVIS = (
    Option('resolution', 'folder of frames: 480p (default), 1080p or Full-Resolution', metavar='NAME'),
    Option('lists', "lists of either form; by default the release's own of that year", Path, 'FILE', many=True),
    PARTIAL,
)
_YOUTUBE = (
    Option('size', 'shorter side of training videos (480)', int, 'PIXELS'),
    Option('keep_all', 'list the seven training videos too that XMem leaves out', bool),
    PARTIAL,
)
_MASKS = 'JPEGImages/<video>/ Annotations/<video>/, 0 and 255'
_IDS = 'JPEGImages/<video>/ Annotations/<video>/, object ids'
_DAVIS_PAGE = 'https://davischallenge.org/'
_YOUTUBE_WRITES = 'train_480p/, 480 pixels of the shorter side, train.txt; valid/ test/ all_frames/'
_YOUTUBE_TERMS = 'research, not commercial; see the page'


def _davis(name: str, version: str, task: str, source: str, writes: str, **published: tuple[int, ...]) -> Converter:
    return Converter(
        name,
        task,
        source,
        writes + '; ImageSets/',
        'davis:convert_davis',
        fixed={'version': version},
        options=_DAVIS,
        published=published,
        page=_DAVIS_PAGE,
        licence='BSD, as its repository says; some footage is of third parties',
    )


VIDEO_SETS = (
    _davis(
        'DAVIS-2016',
        '2016',
        'VSOD',
        'folder DAVIS of the release of 2016 or 2017',
        _MASKS + ', all objects united',
        videos=(20, 30, 50),
        frames=(1376, 2079, 3455),
        annotations=(1376, 2079, 3455),
    ),
    _davis(
        'DAVIS-2017',
        '2017',
        'VOS',
        'folder DAVIS of the release of 2017 (trainval)',
        _IDS,
        videos=(30, 60, 90),
        frames=(1999, 4209, 6208),
        annotations=(1999, 4209, 6208),
    ),
    _davis(
        'DAVIS-2017-testdev',
        'testdev',
        'VOS',
        'folder DAVIS of test-dev 2017',
        _IDS + ' of first frames',
        videos=(30,),
        frames=(2086,),
        annotations=(30,),
    ),
    _davis(
        'DAVIS-2017-unsupervised',
        'unsupervised',
        'VOS',
        'folder DAVIS with Annotations_unsupervised/',
        _IDS + ', 255 void',
        videos=(30, 60, 90, 120),
    ),
    Converter(
        'YouTube-VOS',
        'VOS',
        'release of 2018: train/, valid/, test/, all_frames/, or some of them',
        _YOUTUBE_WRITES,
        'prompted:convert_youtube_vos',
        fixed={'year': '2018'},
        options=_YOUTUBE,
        published={'train videos': (3471,), 'valid videos': (474,)},
        page='https://youtube-vos.org',
        licence=_YOUTUBE_TERMS,
    ),
    Converter(
        'YouTube-VOS-2019',
        'VOS',
        'release of 2019, likewise',
        _YOUTUBE_WRITES,
        'prompted:convert_youtube_vos',
        fixed={'year': '2019'},
        options=_YOUTUBE,
        published={'train videos': (3471,), 'valid videos': (507,)},
        page='https://youtube-vos.org',
        licence=_YOUTUBE_TERMS,
    ),
    Converter(
        'VOS',
        'VSOD',
        'VOS in any layout, a folder per video; or another set of videos with masks',
        _MASKS,
        'videos:convert_videos',
        fixed={'density': 'every 15th'},
        options=(*_VIDEO_FOLDERS, _LISTS),
        published={'videos': (40, 119, 159, 199, 200), 'annotations': (7650,)},
        page='http://cvteam.net/projects/TIP18-VOS/VOS.html',
        licence=UNSTATED,
    ),
    Converter(
        'FBMS',
        'VSOD',
        'folder with Trainingset/ and Testset/: PGM and PPM annotations',
        _MASKS + '; ImageSets/',
        'fbms:convert_fbms',
        options=_VIDEO_FOLDERS,
        published={'videos': (29, 30, 59), 'annotations': (720,)},
        page='https://lmb.informatik.uni-freiburg.de/resources/datasets/',
        licence='research; see the page',
    ),
    Converter(
        'DAVSOD',
        'VSOD',
        'DAVSOD, or a split of it: a folder per video',
        _MASKS + ', object level; ImageSets/',
        'videos:convert_davsod',
        options=(*_VIDEO_FOLDERS, _LISTS),
        published={'videos': (20, 25, 35, 46, 61, 80, 187)},
        title='Shifting More Attention to Video Salient Object Detection, CVPR 2019',
        licence=UNSTATED,
    ),
    Converter(
        'ViSal',
        'VSOD',
        'ViSal in any layout, a folder per video',
        _MASKS,
        'videos:convert_videos',
        fixed={'density': 'some'},
        options=(*_VIDEO_FOLDERS, _LISTS),
        published={'videos': (17,), 'annotations': (193,)},
        title='Consistent Video Saliency Using Local Gradient Flow Optimization and Global Refinement, TIP 2015',
        licence=UNSTATED,
    ),
    Converter(
        'SegTrackv2',
        'VSOD',
        'SegTrack-v2: JPEGImages/, GroundTruth/ (in a folder per object where there are several)',
        _IDS,
        'videos:convert_segtrack',
        options=_VIDEO_FOLDERS,
        published={'videos': (13, 14), 'frames': (947,)},
        title='Video Segmentation by Tracking Many Figure-Ground Segments, ICCV 2013',
        licence=UNSTATED,
    ),
    Converter(
        'LongTimeVideo',
        'VOS',
        'Long-Time Video, or long_video_set/ with copies that end in _davis, _x3',
        _IDS + '; copies in davis/ x3/ davis_x3/',
        'prompted:convert_long_time',
        options=(PARTIAL,),
        published={'videos': (3,), 'annotations': (60,)},
        page='https://github.com/xmlyqing00/AFB-URR',
        licence='that of its publisher; see the page',
    ),
    Converter(
        'BL30K',
        'VOS',
        'the six archives, unpacked side by side or together',
        _IDS,
        'prompted:convert_bl30k',
        options=(PARTIAL,),
        page='https://doi.org/10.13012/B2IDB-1702934_V1',
        licence=UNSTATED,
    ),
    Converter(
        'MOSE',
        'VOS',
        'train/ and valid/, or one of them',
        'train/ valid/: ' + _IDS,
        'prompted:convert_mose',
        options=(PARTIAL,),
        published={'train videos': (1507,), 'valid videos': (311,)},
        title='MOSE: A New Dataset for Video Object Segmentation in Complex Scenes, ICCV 2023',
        licence='CC BY-NC-SA 4.0, research, not commercial',
    ),
)
