"""The source of another set, a target that takes nothing: one sentence each, status 2."""

import errno
import json
import shutil
from pathlib import Path

import pytest

from salseg.apis.converting import CONVERTERS
from salseg.apis.converting.recognise import HINTS, SIGNATURES, other_release, own_part, recognise
from salseg.cli import main
from salseg.errors import DataError
from tests.datasets.checking.folders import draw_image, groups, mask, save

# Ends of paths that the layout of a release has, by its name.
TREES = {
    'DUTS': ['DUTS-TR/DUTS-TR-Image/ILSVRC2012_test_00000004.jpg', 'DUTS-TR/DUTS-TR-Mask/ILSVRC2012_test_00000004.png'],
    'ECSSD': ['images/0001.jpg', 'ground_truth_mask/0001.png'],
    'DUT-OMRON': ['DUT-OMRON-image/DUT-OMRON-image/a.jpg', 'pixelwiseGT-new-PNG/a.png'],
    'PASCAL-S': ['datasets/imgs/pascal/1.jpg', 'datasets/masks/pascal/1.png'],
    'THUR15K': ['THUR15000/Giraffe/Src/1.jpg', 'THUR15000/Giraffe/Src/1.png'],
    'HRSOD': ['HRSOD_train/a.jpg', 'HRSOD_train_mask/a.png'],
    'BIG': ['BIG/2007_im.jpg', 'BIG/2007_gt.png'],
    'FSS-1000': ['abacus/1.jpg', 'abacus/1.png', 'abacus/2.jpg', 'abacus/2.png'],
    'VOC2012': ['VOCdevkit/VOC2012/JPEGImages/1.jpg', 'VOCdevkit/VOC2012/SegmentationObject/1.png',
                'VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt'],
    'COCO': ['train2017/000000000001.jpg', 'annotations/instances_train2017.json'],
    'FBMS': ['Trainingset/cars1/cars1_01.jpg', 'Trainingset/cars1/GroundTruth/cars1_01.pgm'],
    'DAVSOD': ['Training Set/select_0606/Imgs/0001.jpg', 'Training Set/select_0606/GT_object_level/0001.png'],
    'DAVIS-2016': ['DAVIS/JPEGImages/480p/bear/00000.jpg', 'DAVIS/ImageSets/480p/train.txt'],
    'DAVIS-2017': ['DAVIS/JPEGImages/480p/bear/00000.jpg', 'DAVIS/ImageSets/2017/train.txt'],
    'DAVIS-2017-testdev': ['DAVIS/JPEGImages/480p/bear/00000.jpg', 'DAVIS/ImageSets/2017/test-dev.txt'],
    'DAVIS-2017-unsupervised': ['DAVIS/Annotations_unsupervised/480p/bear/00000.png'],
    'YouTube-VOS': ['train/JPEGImages/003234408d/00000.jpg', 'train/meta.json'],
    'MOSE': ['train/JPEGImages/0a1b2c3d/00000.jpg', 'train/Annotations/0a1b2c3d/00000.png'],
    'LongTimeVideo': ['JPEGImages/blueboy/00000.jpg', 'Annotations/blueboy/00000.png'],
    'SegTrackv2': ['JPEGImages/girl/a.png', 'GroundTruth/girl/a.png'],
    'BL30K': ['BL30K_a/JPEGImages/v/00000.jpg', 'BL30K_a/Annotations/v/00000.png'],
    'CoCo-SEG': ['COCO9213/img/cat/1.png', 'COCO9213/gt/cat/1.png'],
    'CoCA': ['image/alarm clock/51499.jpg', 'binary/alarm clock/51499.png'],
    'MSRC': ['Image/cow/5_10_s.jpg', 'GroundTruth/cow/5_10_s.png'],
    'CoSOD3k': ['Image/axe/ILSVRC2012_val_00000293.jpg', 'GroundTruth/axe/ILSVRC2012_val_00000293.png'],
    'Cosal2015': ['Image/axe/axe_001.jpg', 'GroundTruth/axe/axe_001.png'],
    'iCoseg': ['images/Bear/1.jpg', 'ground_truth/Bear/1.png'],
    'MSRA10K': ['MSRA10K_Imgs_GT/Imgs/1234.jpg', 'MSRA10K_Imgs_GT/Imgs/1234.png'],
    'MSRA-B': ['0_0_735.jpg', '0_0_735.png'],
    'HKU-IS': ['imgs/0004.png', 'gt/0004.png'],
    'ViSal': ['ViSal/cat/Imgs/cat_001.jpg', 'ViSal/cat/ground-truth/cat_001.png'],
    'VOS': ['102/Imgs/00000.jpg', '102/ground-truth/00000.png'],
}  # fmt: skip


def plant(root, name):
    for path in TREES[name]:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b'')
    return root


@pytest.mark.parametrize('name', [*SIGNATURES, 'VOS'])
def test_a_release_is_recognised_by_its_content_whatever_it_is_called(name, tmp_path):
    for around in ('x', 'x/y'):
        (tmp_path / around / '__MACOSX/GT_object_level').mkdir(parents=True)
        assert recognise(plant(tmp_path / around, name))[0] == name
        assert name in HINTS or recognise(tmp_path / around, hints=False)[0] == name
        shutil.rmtree(tmp_path / 'x')


@pytest.mark.parametrize('name', sorted(set(SIGNATURES) & set(CONVERTERS)))
def test_the_source_of_another_set_is_named_with_its_command(name, tmp_path, capsys):
    other = 'DUTS' if name != 'DUTS' else 'ECSSD'
    source = plant(tmp_path / 'in', other)
    assert main(['convert', name, str(source), '--root', str(tmp_path / 'data')]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f'salseg convert: DataError: {source} is not {name}: this looks like {other}: salseg convert {other} {source}'
    )
    assert not (tmp_path / 'data').exists()


def test_a_set_without_a_signature_is_converted_if_it_can_be_and_named_if_not(tmp_path, capsys):
    source = plant(tmp_path / 'in', 'DUTS')
    assert main(['convert', 'VOS', str(source), '--root', str(tmp_path / 'data')]) == 2
    assert f'By its content, this looks like DUTS: salseg convert DUTS {source}' in capsys.readouterr().err


def test_a_layout_that_others_may_have_is_doubted_only_where_the_count_is_wrong_too(tmp_path, capsys):
    source = tmp_path / 'in'
    for name in ('apple', 'axe'):
        save(source / f'Image/{name}/{name}_001.jpg', draw_image(0))
        save(source / f'GroundTruth/{name}/{name}_001.png', mask())
    words = ['convert', 'CoCA', str(source), '--root', str(tmp_path / 'data')]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert 'warning: the source may be of another set' in text
    assert f'this looks like Cosal2015: salseg convert Cosal2015 {source}' in text
    assert main(['convert', 'Cosal2015', *words[2:]]) == 0
    assert 'another set' not in capsys.readouterr().out


@pytest.mark.parametrize(('name', 'source'), [('DAVIS-2016', 'DAVIS-2017'), ('COCO-groups', 'COCO')])
def test_a_set_that_is_read_from_the_release_of_another_one_is_not_refused(name, source, tmp_path):
    assert other_release(name, plant(tmp_path, source)) == ''


def test_two_sets_side_by_side_are_not_refused(tmp_path):
    plant(tmp_path / 'a', 'DUTS')
    plant(tmp_path / 'b', 'ECSSD')
    assert other_release('ECSSD', tmp_path) == other_release('DUTS', tmp_path) == ''


def test_a_source_of_ones_own_is_never_taken_for_a_release(tmp_path, capsys):
    source = plant(tmp_path / 'in', 'DUTS')
    assert main(['convert', 'labelme', str(source), '--root', str(tmp_path / 'data')]) == 2
    assert 'looks like' not in capsys.readouterr().err


def test_folders_that_the_user_names_are_not_doubted(tmp_path):
    coca = CONVERTERS['CoCA']
    source = plant(tmp_path / 'in', 'DUTS')
    with pytest.raises(DataError, match='this looks like DUTS'):
        coca.convert(source, tmp_path / 'data/CoCA')
    with pytest.raises(DataError) as caught:
        coca.convert(source, tmp_path / 'data/CoCA', images='nowhere/{video}')
    assert 'is not CoCA' not in str(caught.value)


# Targets


def stop_at(monkeypatch, number):
    """The system's error at the first file that is copied or written."""

    def fail(source, target, *_, **__):
        raise OSError(number, 'stopped by the test', str(source), None, str(target))

    monkeypatch.setattr(shutil, 'copyfile', fail)
    monkeypatch.setattr(Path, 'symlink_to', lambda self, source, *_: fail(source, self))


@pytest.mark.parametrize('how', ['--copy', '--link'])
@pytest.mark.parametrize(
    ('number', 'words'),
    [
        (errno.ENOSPC, 'no space is left where {out} is written. Free some, or write elsewhere with --root or --out.'),
        (errno.EDQUOT, 'no space is left where {out} is written.'),
        (errno.EROFS, '{out} cannot be written: stopped by the test'),
        (errno.EACCES, '{out} cannot be written: stopped by the test'),
    ],
)
def test_a_full_or_read_only_target_is_one_sentence_and_no_traceback(number, words, how, tmp_path, capsys, monkeypatch):
    source = groups(tmp_path / 'in')
    stop_at(monkeypatch, number)
    assert main(['convert', 'CoCA', str(source), '--root', str(tmp_path / 'data'), how]) == 2
    message = capsys.readouterr().err
    assert words.format(out=tmp_path / 'data/CoCA') in message
    assert 'Traceback' not in message
    assert 'the same command resumes' in message
    monkeypatch.undo()
    assert main(['convert', 'CoCA', str(source), '--root', str(tmp_path / 'data'), how]) == 0


def test_a_disk_that_takes_no_links_is_told_to_copy(tmp_path, capsys, monkeypatch):
    stop_at(monkeypatch, errno.EPERM)
    assert main(['convert', 'CoCA', str(groups(tmp_path / 'in')), '--root', str(tmp_path / 'data')]) == 2
    assert 'Try --copy.' in capsys.readouterr().err


SEVERAL = ['DUTS', 'CoCA', 'CoSOD3k', 'Cosal2015', 'iCoseg', 'MSRC', 'SegTrackv2', 'DAVSOD', 'ViSal', 'LongTimeVideo']


def photographs(folder, name):
    """As `plant`, with files that can be read."""
    for number, path in enumerate(TREES[name]):
        is_mask = any(word in path.lower() for word in ('groundtruth', 'ground_truth', 'ground-truth', 'binary', 'gt_'))
        save(folder / path, mask() if is_mask else draw_image(number))
    return folder


@pytest.mark.parametrize('name', ['CoCA', 'CoSOD3k', 'Cosal2015', 'iCoseg', 'MSRC'])
def test_a_set_is_taken_out_of_a_folder_of_downloads_and_never_mixed_with_the_others(name, tmp_path, capsys):
    for other in ('CoCA', 'CoSOD3k', 'Cosal2015', 'iCoseg', 'MSRC'):
        photographs(tmp_path / 'downloads' / f'unpacked {other}', other)
    for source, root in (('downloads', 'all'), (f'downloads/unpacked {name}', 'alone')):
        assert main(['convert', name, str(tmp_path / source), '--root', str(tmp_path / root)]) == 0
    listed = [
        {str(p.relative_to(tmp_path / root)) for p in (tmp_path / root).rglob('*.*')} for root in ('all', 'alone')
    ]
    assert listed[0] == listed[1] != set()


@pytest.mark.parametrize('name', [name for name in SEVERAL if name != 'DUTS'])
def test_the_folder_of_a_set_is_found_among_those_of_others(name, tmp_path):
    for other in SEVERAL:
        plant(tmp_path / other, other)
    assert own_part(name, tmp_path) == own_part(name, tmp_path / name)
    assert own_part(name, tmp_path / name).is_relative_to(tmp_path / name)


def test_several_folders_of_one_set_among_those_of_others_are_refused(tmp_path):
    for folder, name in (('a', 'MSRC'), ('b', 'MSRC'), ('c', 'ECSSD')):
        plant(tmp_path / folder, name)
    with pytest.raises(DataError, match='holds other sets too, ECSSD in c/. Give the folder of MSRC alone'):
        own_part('MSRC', tmp_path)


def test_several_folders_of_groups_are_refused_where_no_name_tells_them_apart(tmp_path, capsys):
    for folder in ('one', 'two'):
        photographs(tmp_path / 'in' / folder, 'iCoseg')
    assert main(['convert', 'MSRC', str(tmp_path / 'in'), '--root', str(tmp_path / 'data')]) == 2
    assert 'holds several folders of groups: one/images/, two/images/' in capsys.readouterr().err
    (tmp_path / 'in/two').rename(tmp_path / 'in/MSRC')
    assert main(['convert', 'MSRC', str(tmp_path / 'in'), '--root', str(tmp_path / 'data')]) == 0


def test_the_parts_of_a_release_that_lie_side_by_side_stay_together(tmp_path):
    for name in ('DUTS', 'HRSOD', 'LongTimeVideo'):
        plant(tmp_path / name, name)
        save(tmp_path / name / 'more/x.jpg', draw_image(0))
        assert own_part(name, tmp_path / name) == tmp_path / name
    copies = tmp_path / 'copies'
    for place in ('long_video/JPEGImages/rat/00000.jpg', 'davis/JPEGImages/480p/rat/00000.jpg'):
        save(copies / place, draw_image(0))
    plant(copies / 'davis', 'DAVIS-2017')
    assert own_part('LongTimeVideo', copies) == copies


@pytest.mark.parametrize('name', ['YouTube-VOS-2019', 'ViSal'])
def test_videos_of_another_set_are_refused_by_sets_of_common_layouts(name, tmp_path, capsys):
    source = plant(tmp_path / 'in', 'DAVIS-2016')
    assert main(['convert', name, str(source), '--root', str(tmp_path / 'data')]) == 2
    assert f'is not {name}: this looks like DAVIS-2016' in capsys.readouterr().err


def test_a_sign_that_leaves_no_doubt_counts_more_than_a_hint(tmp_path, capsys):
    source = plant(tmp_path / 'in', 'PASCAL-S')
    for stem in ('1', '2'):
        save(source / f'masks/pascal/{stem}.png', mask())
        save(source / f'imgs/pascal/{stem}.jpg', draw_image(0))
    assert 'FSS-1000' in recognise(source)
    assert main(['convert', 'FSS-1000', str(source), '--root', str(tmp_path / 'data')]) == 2
    assert 'this looks like PASCAL-S' in capsys.readouterr().err


def test_an_archive_that_is_not_unpacked_is_named_as_a_file(tmp_path, capsys):
    (tmp_path / 'ECSSD.zip').write_bytes(b'PK')
    assert main(['convert', 'ECSSD', str(tmp_path / 'ECSSD.zip'), '--root', str(tmp_path / 'data')]) == 2
    assert 'ECSSD.zip is a file, and a folder is expected; if it is an archive' in capsys.readouterr().err


@pytest.mark.parametrize('name', ['COCO-groups', 'coco'])
def test_coco_finds_images_whose_suffix_is_in_upper_case(name, tmp_path):
    save(tmp_path / 'in/train2017/a.png', draw_image(0))
    (tmp_path / 'in/train2017/a.png').rename(tmp_path / 'in/train2017/a.PNG')
    box = [0, 0, 9, 0, 9, 9, 0, 9]
    (tmp_path / 'in/annotations').mkdir()
    (tmp_path / 'in/annotations/instances_train2017.json').write_text(
        json.dumps(
            {
                'images': [{'id': 1, 'file_name': 'a.png'}],
                'categories': [{'id': 1, 'name': 'cat'}],
                'annotations': [{'id': 1, 'image_id': 1, 'category_id': 1, 'segmentation': [box], 'area': 5000}],
            }
        )
    )
    options = ['--least', '1'] if name == 'COCO-groups' else []
    assert main(['convert', name, str(tmp_path / 'in'), '--out', str(tmp_path / 'out'), *options]) == 0
    assert sorted(path.name for path in (tmp_path / 'out').rglob('a.*')) == ['a.png', 'a.png']
