"""The source of another set, a target that takes nothing: one sentence each, status 2."""

import errno
import shutil
from pathlib import Path

import pytest

from salseg.apis.converting import CONVERTERS
from salseg.apis.converting.recognise import HINTS, SIGNATURES, other_release, recognise
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
