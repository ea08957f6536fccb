"""Sets of single images that `salseg convert` knows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from salseg.apis.converting.entries import PARTIAL, Converter, Option
from salseg.apis.converting.forms import CLASSES, TWINS, USUAL, Form

_PATTERNS = (
    Option('images', "last parts of the images' folder, such as imgs", metavar='PATTERN'),
    Option('masks', "likewise of the masks' folder; without, masks may lie beside images", metavar='PATTERN'),
)
_LISTS = Option('lists', 'of the splits, called after them: train*.txt, val*.mat, ...', Path, 'FILE', many=True)
_PAIRS = 'image/ mask/, grey'
# Taken out of the published set, and still in the archive of images.
_OMRON_WITHOUT_MASK = (
    'img_561715398',
    'sun_bqfgwnmzhjwuphdi',
    'sun_bswlalhygmnrhvuw',
    'sun_buaqzytduodbufcb',
)
_NO_LICENCE = 'none stated; research only'


def _pairs(
    name: str,
    source: str,
    forms: tuple[Form, ...],
    number: int,
    page: str = '',
    title: str = '',
    writes: str = _PAIRS,
    options: tuple[Option, ...] = (),
    fixed: Mapping[str, Any] | None = None,
) -> Converter:
    return Converter(
        name,
        'SOD',
        source,
        writes,
        'image_pairs:convert_pairs',
        fixed=dict(forms=forms, **(fixed or {})),
        options=(*_PATTERNS, *options, PARTIAL),
        published={'pairs': (number,)},
        page=page,
        licence=_NO_LICENCE,
        title=title,
    )


IMAGE_SETS = (
    _pairs(
        'ECSSD',
        'folder with images/ and ground_truth_mask/',
        (Form(('images',), ('ground_truth_mask',)), USUAL, Form(('ecssd',)), TWINS),
        1000,
        'http://www.cse.cuhk.edu.hk/leojia/projects/hsaliency/dataset.html',
    ),
    Converter(
        'DUTS',
        'SOD',
        'folder with DUTS-TR/ and DUTS-TE/, or one of them',
        'image/ mask/ train.txt test.txt',
        'saliency:convert_duts',
        options=(PARTIAL,),
        published={'train images': (10553,), 'test images': (5019,)},
        page='http://saliencydetection.net/duts/',
        licence=_NO_LICENCE,
    ),
    Converter(
        'S-DUTS',
        'SOD',
        'folder of scribble PNGs, or gt/ with mask/; DUTS is converted already',
        'scribble/ train.txt, beside the images of DUTS',
        'saliency:add_scribbles',
        folder='DUTS',
        options=(PARTIAL,),
        published={'scribbles': (10553,)},
        page='https://github.com/JingZhang617/Scribble_Saliency',
        licence=_NO_LICENCE,
    ),
    _pairs(
        'DUT-OMRON',
        'folder with DUT-OMRON-image/ and pixelwiseGT-new-PNG/',
        (Form(('DUT-OMRON-image',), ('pixelwiseGT-new-PNG',), documented=False), USUAL, TWINS),
        5168,
        'http://saliencydetection.net/dut-omron/',
        fixed=dict(unlabelled=_OMRON_WITHOUT_MASK),
    ),
    _pairs(
        'PASCAL-S',
        'folder datasets of the salObj archive, or a copy of PASCAL-S',
        (Form(('imgs/pascal',), ('masks/pascal',)), USUAL, TWINS),
        850,
        'http://cbi.gatech.edu/salobj/',
        writes='image/ mask/, grey: the fraction of annotators',
    ),
    _pairs(
        'HKU-IS',
        'folder with imgs/ and gt/',
        (Form(('imgs',), ('gt',)), USUAL),
        4447,
        'https://i.cs.hku.hk/~gbli/deep_saliency.html',
        writes=f'{_PAIRS}; train.txt val.txt test.txt',
        options=(_LISTS,),
        fixed=dict(split='2,500, 500 and 1,447'),
    ),
    _pairs(
        'THUR15K',
        'folder THUR15000 with <class>/Src/',
        (Form(('{class}/Src',), documented=False), CLASSES, USUAL, Form(('{class}',), documented=False)),
        6232,
        title='SalientShape: Group Saliency in Image Collections',
        writes='image/<class>/ mask/<class>/, grey',
        fixed=dict(unlabelled=None),
    ),
    _pairs(
        'MSRA10K',
        'folder MSRA10K_Imgs_GT with Imgs/, images and masks in it',
        (Form(('MSRA10K_Imgs_GT/Imgs', 'Imgs')), USUAL, TWINS),
        10000,
        title='Global Contrast Based Salient Region Detection',
    ),
    _pairs(
        'MSRA-B',
        'folder of images and masks, or imgs/ with gt/',
        (Form(('imgs',), ('gt',)), USUAL, TWINS),
        5000,
        title='Learning to Detect a Salient Object',
        writes=f'{_PAIRS}; train.txt val.txt test.txt',
        options=(_LISTS,),
        fixed=dict(split='2,500, 500 and 2,000'),
    ),
    Converter(
        'HRSOD',
        'SOD',
        'folder with HRSOD_train/, HRSOD_train_mask/, HRSOD_test/, HRSOD_test_mask/',
        'image/ mask/, shorter side 480; train.txt test.txt',
        'shrunk_sets:convert_hrsod',
        options=(*_PATTERNS, PARTIAL),
        published={'pairs': (2010,)},
        page='https://github.com/yi94code/HRSOD',
        licence='images from Flickr, Creative Commons',
    ),
    Converter(
        'BIG',
        'SOD',
        'folder with *_im.jpg and *_gt.png',
        'image/ mask/, shorter side 480',
        'shrunk_sets:convert_big',
        options=(PARTIAL,),
        published={'pairs': (150,)},
        page='https://github.com/hkchengrex/CascadePSP',
        licence='not commercial; the authors hold no rights to the images',
    ),
    _pairs(
        'FSS-1000',
        'folder of classes: <class>/1.jpg with 1.png, or support/<class>/image/ with label/',
        (
            Form(('support/{class}/image', '{class}/image'), ('support/{class}/label', '{class}/label')),
            CLASSES,
            Form(('{class}',)),
        ),
        10000,
        'https://github.com/HKUSTCV/FSS-1000',
        writes='image/<class>/ mask/<class>/, grey',
    ),
    Converter(
        'VOC2012',
        'SOD',
        'folder VOCdevkit or VOC2012: JPEGImages/, SegmentationObject/, ImageSets/Segmentation/',
        'image/ mask/, ids, 255 void; train.txt val.txt trainval.txt',
        'static_sets:convert_voc',
        options=(PARTIAL,),
        published={'pairs': (2913,)},
        title='The PASCAL Visual Object Classes Challenge: A Retrospective',
    ),
    Converter(
        'COCO',
        'SOD',
        'folder with train2017/ and annotations/instances_train2017.json',
        'image/ mask/, ids',
        'static_sets:convert_coco',
        options=(
            Option('images', 'another folder of images (train2017)', metavar='PATTERN'),
            Option('annotations', 'another file of instances', Path, 'FILE'),
        ),
        title='Microsoft COCO: Common Objects in Context',
    ),
)
