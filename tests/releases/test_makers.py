"""The miniatures hold what the layouts say, read from their files with PIL, without the code that wrote them."""

import ast
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.releases import MAKERS, bare, differences, empty, litter, lose_masks, make, upper, wrap
from tests.releases.comparing import number_of

# As the command prints them.
NAMES = (
    *('ECSSD', 'DUTS', 'S-DUTS', 'DUT-OMRON', 'PASCAL-S', 'HKU-IS', 'THUR15K', 'MSRA10K', 'MSRA-B', 'HRSOD', 'BIG'),
    *('FSS-1000', 'VOC2012', 'COCO', 'CoCA', 'CoSOD3k', 'Cosal2015', 'iCoseg', 'MSRC', 'CoCo-SEG', 'COCO-groups'),
    *('DAVIS-2016', 'DAVIS-2017', 'YouTube-VOS', 'VOS', 'FBMS', 'DAVSOD', 'ViSal', 'SegTrackv2', 'LongTimeVideo'),
    *('BL30K', 'MOSE', 'YouTube-VOS-2019', 'DAVIS-2017-testdev', 'DAVIS-2017-unsupervised'),
)
FORMS = [(name, variant) for name, maker in MAKERS.items() for variant in maker.variants]
MADE: dict = {}


@pytest.fixture(scope='module')
def releases(tmp_path_factory):
    """Every form, made once; tests that change files make their own."""

    def get(name, variant=None):
        variant = variant or next(iter(MAKERS[name].variants))
        if (name, variant) not in MADE:
            MADE[name, variant] = make(name, tmp_path_factory.mktemp('releases'), variant)
        return MADE[name, variant]

    yield get
    MADE.clear()


def raw(release, name):
    """Grey values, indices or colours of a file of the release, as stored."""
    return np.asarray(Image.open(release.source / name))


def values(release, glob):
    """All values of the masks that a glob finds."""
    paths = sorted(release.source.glob(glob))
    assert paths, glob
    return set(np.concatenate([np.unique(np.asarray(Image.open(path))) for path in paths]).tolist())


def truth_of(release, part, files):
    """What the files of one mask say, each set by its own rule."""
    arrays = [raw(release, file) for file in files]
    if release.name == 'SegTrackv2':
        ids = np.zeros(arrays[0].shape, np.uint8)
        for number, array in enumerate(arrays, 1):
            ids[array > 0] = number
        return ids
    if release.name == 'FBMS' and files[0].suffix == '.ppm':
        return (arrays[0] != 255).any(axis=-1)
    if release.name == 'FBMS' or release.variant == 'of-2017':
        return arrays[0] != 0
    if release.variant == 'related':
        foreground = raw(release, Path('gt') / files[0].name) == 255
        return np.where(foreground, 1, np.where(arrays[0] == 255, 2, 0))
    union = np.max([array[..., 0] if array.ndim == 3 else array for array in arrays], axis=0)
    # PIL gives booleans for one bit.
    return union > (0 if union.dtype == bool else 127) if part.encoding == 'binary' else union


@pytest.mark.core()
def test_every_name_has_a_maker():
    assert sorted(MAKERS) == sorted(NAMES)


@pytest.mark.core()
def test_makers_import_nothing_from_the_project():
    makers = {*Path(__file__).parent.glob('*.py')} - {Path(__file__).with_name('test_converting.py')}
    for path in sorted(makers):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ''] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in modules if name.split('.')[0] in ('salseg', 'projects', 'tools')], path.name


@pytest.mark.parametrize(('name', 'variant'), FORMS)
def test_the_truth_of_images_is_what_is_in_the_files(releases, name, variant):
    release = releases(name, variant)
    for part in release.parts:
        assert part.image_files.keys() == part.images.keys()
        for key, file in part.image_files.items():
            # Without a turn by the EXIF tag.
            assert np.array_equal(np.asarray(Image.open(release.source / file).convert('RGB')), part.images[key]), key


@pytest.mark.parametrize(('name', 'variant'), [form for form in FORMS if not form[0].startswith('COCO')])
def test_the_truth_of_masks_is_what_is_in_the_files(releases, name, variant):
    release = releases(name, variant)
    for part in release.parts:
        assert part.image_files or part.mask_files
        for key, truth in part.masks.items():
            read = truth_of(release, part, part.mask_files[key])
            assert np.array_equal(read, truth), key
            assert key not in part.images or truth.shape == part.images[key].shape[:2]


@pytest.mark.parametrize(('name', 'variant'), FORMS)
def test_what_is_left_out_has_a_reason_and_no_truth(releases, name, variant):
    release = releases(name, variant)
    assert all(release.left_out.values())
    if release.name not in ('YouTube-VOS', 'YouTube-VOS-2019'):
        assert not release.left_out.keys() & release.parts[0].masks.keys()


@pytest.mark.parametrize('name', NAMES)
def test_an_object_and_background_are_in_every_set(releases, name):
    masks = releases(name).parts[0].masks
    assert len(masks) >= 3
    full = [mask for mask in masks.values() if 0 in mask and mask.max() > 0]
    assert len(full) >= 0.6 * len(masks)


def test_names_and_suffixes_of_the_image_sets(releases):
    for name, image, mask, count in (
        ('ECSSD', 'images/*.jpg', 'ground_truth_mask/*.png', 5),
        ('DUTS', 'DUTS-T?/DUTS-T?-Image/*.jpg', 'DUTS-T?/DUTS-T?-Mask/*.png', 7),
        ('PASCAL-S', 'datasets/imgs/pascal/*.jpg', 'datasets/masks/pascal/*.png', 4),
        ('HKU-IS', 'imgs/*.png', 'gt/*.png', 6),
        ('MSRA10K', 'MSRA10K_Imgs_GT/Imgs/*.jpg', 'MSRA10K_Imgs_GT/Imgs/*.png', 5),
        ('MSRA-B', 'MSRA-B/*.jpg', 'MSRA-B/*.png', 6),
        ('HRSOD', 'HRSOD_t*[nt]/*.jpg', 'HRSOD_*_mask/*.png', 5),
        ('BIG', 'BIG/*/*_im.jpg', 'BIG/*/*_gt.png', 4),
        ('FSS-1000', '*/*.jpg', '*/*.png', 9),
    ):
        release = releases(name)
        found = len(list(release.source.glob(image))), len(list(release.source.glob(mask)))
        assert found == (count, count) == (release.counts['images'], release.counts['masks']), name


def test_traps_of_the_image_sets(releases):
    assert Image.open(releases('ECSSD').source / 'images/0557.jpg').mode == 'L'
    assert values(releases('ECSSD'), 'ground_truth_mask/*.png') == {0, 255}
    assert values(releases('S-DUTS'), 'scribble/*.png') == {0, 1, 2}
    assert values(releases('S-DUTS', 'strangers'), 'scribble/*.png') == {0, 1, 2, 3}
    assert values(releases('S-DUTS', 'related'), 'gt/*.png') == {0, 255}
    assert sum(2 not in mask for mask in releases('S-DUTS').masks.values()) == 1
    assert values(releases('PASCAL-S'), 'datasets/masks/**/*.png') == {0, 85, 170, 255}
    assert values(releases('DUTS'), '*/*-Mask/*.png') == {0, 64, 192, 255}
    omron = releases('DUT-OMRON')
    assert len(list(omron.source.rglob('*.jpg'))) == len(list(omron.source.rglob('*.png'))) + 4
    thur = releases('THUR15K')
    assert len(list(thur.source.glob('THUR15000/*/Src/*.jpg'))) > len(thur.masks) == 8
    assert sum(key.endswith('/7') for key in thur.masks) == 3
    assert any(part.getexif().get(0x0112) == 6 for part in map(Image.open, releases('HRSOD').source.rglob('*.jpg')))
    assert min(min(array.shape[:2]) for array in releases('HRSOD').images.values()) > 480


def test_traps_of_voc_and_coco(releases):
    voc = releases('VOC2012')
    masks = [Image.open(voc.source / file) for files in voc.parts[0].mask_files.values() for file in files]
    assert {mask.mode for mask in masks} == {'P'}
    assert {0, 1, 255} <= values(voc, '**/SegmentationObject/*.png') <= {0, 1, 2, 3, 255}
    assert len(list(voc.source.rglob('*.xml'))) == len(list(voc.source.rglob('*.jpg'))) == len(voc.masks) + 3
    coco = releases('COCO')
    known = json.loads((coco.source / 'annotations/instances_train2017.json').read_text())
    crowds = [one for one in known['annotations'] if one['iscrowd']]
    assert [one for one in known['annotations'] if isinstance(one['segmentation'], dict)] == crowds != []
    for one in crowds:
        # Run lengths begin with background and go down the columns.
        flat = np.repeat(np.arange(len(one['segmentation']['counts'])) % 2, one['segmentation']['counts'])
        mask = flat.reshape(one['segmentation']['size'], order='F')
        x, y, width, height = map(int, one['bbox'])
        assert mask.sum() == one['area'] == mask[y : y + height, x : x + width].sum()
    assert len(known['images']) == len(coco.masks) + len(coco.left_out)
    groups = releases('COCO-groups')
    assert groups.counts['groups'] == 3
    assert 'person/000000001000' in groups.masks
    assert 'dog/000000001000' in groups.masks
    assert all(mask.sum() > 4000 for mask in groups.masks.values())


def test_traps_of_the_group_sets(releases):
    coca = releases('CoCA')
    assert {'accordion/51499', 'alarm clock/51499'} <= coca.masks.keys()
    assert {path.name for path in (coca.source / 'CoCA').iterdir()} == {'image', 'binary', 'bbox', 'instance'}
    assert list(releases('CoSOD3k').source.rglob('*.JPEG'))
    modes = {Image.open(path).mode for path in releases('iCoseg').source.glob('ground_truth/*/*.png')}
    assert modes == {'L', '1'}
    msrc = releases('MSRC')
    assert {path.suffix for path in msrc.source.rglob('*') if path.is_file()} == {'.bmp'}
    assert values(msrc, 'MSRC/*/GroundTruth/*.bmp') == {0, 64, 192, 255}
    assert {array.shape for array in releases('CoCo-SEG').images.values()} == {(224, 224, 3)}
    assert not list(releases('CoCo-SEG').source.rglob('*.jpg'))
    for name in ('CoCA', 'CoSOD3k', 'Cosal2015', 'iCoseg', 'MSRC', 'CoCo-SEG'):
        sizes = [len(stems) for stems in releases(name).parts[0].groups().values()]
        assert len(sizes) == 3
        assert min(sizes) >= 3


def test_traps_of_the_video_saliency_sets(releases):
    vos = releases('VOS')
    annotated = sorted(key for key in vos.masks if key.startswith('102/'))
    assert annotated == ['102/00000', '102/00015', '102/00030', '102/00045']
    fbms = releases('FBMS')
    assert {path.suffix for path in fbms.source.rglob('GroundTruth/*')} == {'.pgm', '.ppm', '.dat'}
    assert list(fbms.source.rglob('*PROB.ppm'))
    assert fbms.source.joinpath('Testset/camel01/camel01_005.jpg').is_file()
    assert not fbms.source.joinpath('Testset/camel01/camel01_004.jpg').exists()
    white = raw(fbms, next(iter(path.relative_to(fbms.source) for path in fbms.source.rglob('*_gt.ppm'))))
    assert (white[0, 0] == 255).all()
    davsod = releases('DAVSOD')
    video = davsod.source / 'DAVSOD/train/select_0616_1'
    assert {'Imgs', 'GT_object_level', 'GT_instance_level'} <= {path.name for path in video.iterdir()}
    assert davsod.masks['select_0616_1/0005'].max() == 0
    assert sorted(davsod.lists) == [f'ImageSets/{split}.txt' for split in ('test', 'train', 'val')]
    flow = releases('ViSal', 'flow').source / 'ViSal/boat'
    assert len(list(flow.glob('Frame/*'))) == len(list(flow.glob('OF_FlowNet2/*'))) + 1


def test_traps_of_segtrack(releases):
    segtrack = releases('SegTrackv2')
    assert segtrack.counts['groups'] == 14
    lines = (segtrack.source / 'ImageSets/all.txt').read_text().split()
    assert len(lines) == 14
    assert all(line.startswith('*') for line in lines)
    assert (segtrack.source / 'ImageSets/frog.txt').read_text().splitlines()[:2] == ['JPEGImages/frog/', 'frog_00017']
    pairs = {
        (images.suffix, masks[0].suffix)
        for images, masks in zip(segtrack.parts[0].image_files.values(), segtrack.parts[0].mask_files.values())
    }
    assert pairs == {(one, other) for one in ('.png', '.bmp') for other in ('.png', '.bmp')}
    objects = {key.split('/')[0]: int(mask.max()) for key, mask in segtrack.masks.items()}
    assert sum(objects.values()) == 24
    # Objects overlap in their files, and the later one is what counts.
    first, second = (raw(segtrack, file) > 0 for file in segtrack.parts[0].mask_files['bmx/bmx_00017'])
    assert (first & second).any()
    assert (segtrack.masks['bmx/bmx_00017'][first & second] == 2).all()


def test_traps_of_davis(releases):
    old = releases('DAVIS-2016')
    assert {Image.open(path).mode for path in old.source.rglob('*.png')} == {'L'}
    line = (old.source / 'DAVIS/ImageSets/480p/train.txt').read_text().splitlines()[0]
    assert line == '/JPEGImages/480p/bear/00000.jpg /Annotations/480p/bear/00000.png'
    new = releases('DAVIS-2017')
    assert {Image.open(path).mode for path in new.source.rglob('*.png')} == {'P'}
    assert (new.source / 'DAVIS/ImageSets/2016/val.txt').read_text().split() == ['blackswan']
    assert new.masks['bmx-bumps/00004'].max() == 0
    assert new.masks['bmx-bumps/00000'].max() == 2
    assert not list(new.source.rglob('Full-Resolution'))
    testdev = releases('DAVIS-2017-testdev')
    assert {key.split('/')[1] for key in testdev.masks} == {'00000'}
    assert len(testdev.images) == 30
    unsupervised = releases('DAVIS-2017-unsupervised')
    assert all(255 in mask for mask in unsupervised.masks.values())
    assert not (unsupervised.source / 'DAVIS/Annotations').exists()


def test_traps_of_youtube(releases):
    release = releases('YouTube-VOS', 'all-frames')
    train, valid = release.part('train_480p'), release.part('valid')
    assert sorted({int(key.split('/')[1]) for key in train.images}) == list(range(0, 50, 5))
    assert train.masks['0043f083b5/00000'].max() == 0
    assert train.sizes['0043f083b5/00000'] == (480, 739)
    assert set(np.unique(train.masks['003234408d/00005'])) == {0, 1, 3}
    known = json.loads((release.source / 'valid/meta.json').read_text())['videos']['0062f687f1']['objects']
    late = known['3']['frames'][0]
    assert (known['1']['frames'][0], late) == ('00000', '00010')
    assert set(np.unique(valid.masks[f'0062f687f1/{late}'])) == {0, 3}
    assert sorted(key for key in valid.masks if key.startswith('0062f687f1')) == [
        '0062f687f1/00000',
        '0062f687f1/00010',
    ]
    assert len(valid.images) == 20
    assert len(release.part('all_frames/valid_all_frames').images) == 2 * 46
    assert '01e64dd36a' not in release.lists['train_480p/train.txt']


def test_traps_of_the_other_videos(releases):
    mose = releases('MOSE')
    assert len(mose.part('train').masks) == len(mose.part('train').images) == 30
    assert len(mose.part('valid').masks) == 2
    assert mose.part('train').masks['0011e1a5/00003'].max() == 0 < mose.part('train').masks['0011e1a5/00000'].max()
    assert {int(mask.max()) for mask in releases('BL30K').masks.values()} == {3, 4, 5}
    long = releases('LongTimeVideo')
    assert {file.suffix for file in long.parts[0].image_files.values()} == {'.jpg', '.png'}
    assert min(key for key in long.masks if key.startswith('rat')) == 'rat/00003'
    thrice = releases('LongTimeVideo', 'set').source / 'long_video_set/long_video_x3/JPEGImages/blueboy'
    assert len(list(thrice.iterdir())) == 3 * 24 - 2


def test_equal_orders_make_equal_files_and_another_seed_makes_others(tmp_path):
    files = []
    for folder, seed in (('a', 0), ('b', 0), ('c', 1)):
        source = make('CoCA', tmp_path / folder, seed=seed).source
        files.append({path.relative_to(source): path.read_bytes() for path in source.rglob('*') if path.is_file()})
    assert files[0] == files[1]
    assert files[0].keys() == files[2].keys()
    assert files[0] != files[2]


def test_sizes_differ_and_can_be_asked_for(tmp_path):
    release = make('MSRA10K', tmp_path, size=(70, 80), length=6)
    shapes = {array.shape[:2] for array in release.images.values()}
    assert len(release.images) == 6
    assert len(shapes) > 2
    assert all(70 <= height <= 78 and 80 <= width <= 91 for height, width in shapes)


def test_a_whole_split_is_hard_links(tmp_path):
    names = {'train': [str(number) for number in range(1, 60)], 'test': [str(number) for number in range(60, 80)]}
    release = make('VOS', tmp_path, names=names, every=5, length=16)
    files = [path for path in release.source.rglob('*.jpg')]
    assert len(files) == len(release.images) == 79 * 16
    assert len({path.stat().st_ino for path in files}) == 4 * 16
    assert sorted(key for key in release.masks if key.startswith('79/')) == [
        '79/00000',
        '79/00005',
        '79/00010',
        '79/00015',
    ]


def laid_out(release, root):
    """A perfect conversion, written from the truth: lossless images, masks by their encoding."""
    for part in release.parts:
        for folder, truth in ((part.image_folder, part.images), (part.mask_folder, part.masks)):
            for key, array in truth.items() if folder else ():
                path = root / release.target / part.place / folder / f'{number_of(key) if part.by_number else key}.png'
                path.parent.mkdir(parents=True, exist_ok=True)
                if array.ndim == 2 and part.encoding == 'binary':
                    array = array * 255
                picture = Image.fromarray(array)
                if key in part.sizes:
                    how = Image.Resampling.NEAREST if array.ndim == 2 else Image.Resampling.BICUBIC
                    picture = picture.resize(part.sizes[key][::-1], how)
                picture.save(path, compress_level=0)
    for name, entries in release.lists.items():
        path = root / release.target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(''.join(f'{entry}\n' for entry in entries))


@pytest.mark.parametrize('name', ['THUR15K', 'S-DUTS', 'BIG', 'COCO', 'CoCA', 'FBMS', 'MOSE'])
def test_a_perfect_conversion_has_no_differences_and_a_changed_one_has(releases, tmp_path, name):
    release = releases(name)
    laid_out(release, tmp_path)
    assert differences(release, tmp_path) == []
    part = release.parts[0]
    top = tmp_path / release.target / part.place / part.mask_folder
    changed, lost = sorted(top.rglob('*.png'))[:2]
    mask = np.asarray(Image.open(changed))
    Image.fromarray(mask.max() - np.minimum(mask, mask.max())).save(changed)
    lost.rename(lost.with_name('stranger9.png'))
    said = differences(release, tmp_path)
    assert len(said) == 3, said
    assert [sentence.split()[-1] for sentence in said[:2]] == ['missing', 'much']


@pytest.mark.parametrize('name', ['ECSSD', 'CoCA', 'COCO', 'DAVIS-2016', 'FBMS'])
def test_disturbances_leave_the_truth(tmp_path, name):
    release = upper(litter(wrap(make(name, tmp_path), 'outer', 'in ner')))
    for part in release.parts:
        for key, file in part.image_files.items():
            assert file.suffix.isupper()
            assert file.parts[:2] == ('outer', 'in ner')
            read = np.asarray(Image.open(release.source / file).convert('RGB'))
            assert np.array_equal(read, part.images[key])
    assert (release.source / 'outer/in ner/.DS_Store').is_file()
    assert (release.source / '__MACOSX/outer/._0001.png').is_file()
    if name == 'COCO':
        text = (release.source / 'outer/in ner/annotations/instances_train2017.json').read_text()
        assert all(
            (release.source / 'outer/in ner/train2017' / one['file_name']).is_file()
            for one in json.loads(text)['images']
        )


def test_a_bare_source_begins_below_the_enclosing_folder(tmp_path):
    release = make('CoCA', tmp_path)
    inner = bare(release)
    assert inner.source == release.source / 'CoCA'
    assert all((inner.source / file).is_file() for file in inner.parts[0].image_files.values())
    two = make('ECSSD', tmp_path)
    assert bare(two) is two


@pytest.mark.parametrize(('name', 'lost'), [('HKU-IS', 2), ('CoCA', 3), ('DAVIS-2017', 20), ('SegTrackv2', 28)])
def test_lost_masks_are_gone_and_left_out(tmp_path, name, lost):
    whole = make(name, tmp_path)
    files = len(list(whole.source.rglob('*')))
    less = lose_masks(whole, 1 / 3)
    assert len(whole.masks) - len(less.masks) == len(less.left_out) == lost
    assert files > len(list(less.source.rglob('*')))
    assert all((less.source / file).is_file() for files in less.parts[0].mask_files.values() for file in files)
    assert len(less.images) == (len(whole.images) if whole.kind == 'video' else len(less.masks))
    with pytest.raises(ValueError, match='one file'):
        lose_masks(make('COCO', tmp_path), 0.5)


def test_an_empty_source_holds_nothing(tmp_path):
    hollow = empty(make('CoCA', tmp_path / 'a'), folders=True)
    assert not [name for _, _, names in os.walk(hollow.source) for name in names]
    assert (hollow.source / 'CoCA/image/accordion').is_dir()
    assert list(empty(make('CoCA', tmp_path / 'b')).source.iterdir()) == []
