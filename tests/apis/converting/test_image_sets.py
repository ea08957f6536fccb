"""Every image set from its release to what `SaliencyDataset` reads, whole, wrapped, littered and with holes."""

from pathlib import Path

import numpy as np
import pytest

from salseg.apis.converting import find_converter
from salseg.datasets import SaliencyDataset
from salseg.errors import DataError
from salseg.io.annotations import read_annotation
from salseg.io.images import read_image
from tests.apis.converting.image_releases import RELEASES, litter, masks_of, shout

FILES = [name for name in RELEASES if name != 'COCO']
# The release of THUR15K does not say which of its images have a mask.
SAID = [name for name in FILES if name != 'THUR15K']


def made(root, name, below='.'):
    RELEASES[name].make(root / below)
    return root


def convert(name, source, out, **options):
    return find_converter(name).convert(source, out, **options)


def state(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob('*') if path.is_file()}


def pairs(out, name):
    """Images and labels by key, as training reads them without a list."""
    data = SaliencyDataset(str(out), encoding=RELEASES[name].encoding)
    return {key: (read_image(image), read_annotation(label, data.encoding)) for key, image, label in data.items}


def check(out, name, without=()):
    release, found = RELEASES[name], pairs(out, name)
    assert list(found) == [key for key in release.keys if key not in without]
    for number, key in enumerate(release.keys):
        if key not in without:
            image, label = found[key]
            np.testing.assert_array_equal(label, release.truth(number))
            assert image.shape[:2] == label.shape


@pytest.mark.parametrize('name', RELEASES)
def test_a_release_becomes_pairs_of_the_right_keys_and_labels(name, tmp_path):
    before = state(made(tmp_path / 'in', name))
    summary = convert(name, tmp_path / 'in', tmp_path / 'out')
    check(tmp_path / 'out', name)
    assert state(tmp_path / 'in') == before
    assert summary.counts.get('pairs', 6) == 6
    assert not summary.warnings
    assert not summary.left


@pytest.mark.parametrize('name', RELEASES)
def test_folders_around_litter_inside_and_capitals_change_nothing(name, tmp_path):
    made(tmp_path / 'plain', name)
    convert(name, tmp_path / 'plain', tmp_path / 'first')
    source = made(tmp_path / 'in', name, 'archive/inner')
    shout(source)
    litter(source)
    summary = convert(name, source, tmp_path / 'out')
    assert not summary.warnings
    assert state(tmp_path / 'out') == state(tmp_path / 'first')


@pytest.mark.parametrize('name', RELEASES)
def test_archives_side_by_side_each_in_a_folder_of_its_own_are_one_set(name, tmp_path):
    made(tmp_path / 'in', name)
    for path in list((tmp_path / 'in').iterdir()):
        target = tmp_path / 'apart' / f'{path.name} (archive)' / path.name
        target.parent.mkdir(parents=True)
        path.rename(target)
    convert(name, tmp_path / 'apart', tmp_path / 'out')
    check(tmp_path / 'out', name)


@pytest.mark.parametrize('name', SAID)
def test_a_third_of_the_masks_missing_is_a_warning_with_names(name, tmp_path):
    source = made(tmp_path / 'in', name)
    keys = [RELEASES[name].keys[number] for number in (0, 5)]
    for path in masks_of(source, name, (0, 5)):
        path.unlink()
    summary = convert(name, source, tmp_path / 'out')
    # DUTS tells its training images first.
    keys = keys[::-1] if name == 'DUTS' else keys
    assert summary.warnings == {'images without mask, left out': keys}
    text = summary.text(find_converter(name).published)
    assert f'warning: images without mask, left out, 2:\n  {keys[0]}' in text
    check(tmp_path / 'out', name, keys)


@pytest.mark.parametrize('name', SAID)
def test_two_thirds_of_the_masks_missing_is_an_error_unless_that_is_wanted(name, tmp_path):
    gone = (0, 1, 4, 5)
    source = made(tmp_path / 'in', name)
    for path in masks_of(source, name, gone):
        path.unlink()
    with pytest.raises(DataError, match=r'images have no mask.*--partial|images and 0 masks'):
        convert(name, source, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
    summary = convert(name, source, tmp_path / 'out', partial=True)
    check(tmp_path / 'out', name, [RELEASES[name].keys[number] for number in gone])
    assert summary.warnings


@pytest.mark.parametrize('name', SAID)
def test_no_mask_at_all_is_an_error_that_names_the_folders(name, tmp_path):
    source = made(tmp_path / 'in', name)
    for path in [*masks_of(source, name), *source.rglob('masks/bruce/*.png')]:
        path.unlink()
    with pytest.raises(DataError) as stop:
        convert(name, source, tmp_path / 'out')
    assert str(source) in str(stop.value)
    assert 'The folder holds ' in str(stop.value)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('name', RELEASES)
def test_an_empty_source_is_an_error_that_says_what_was_looked_for(name, tmp_path):
    (tmp_path / 'in').mkdir()
    with pytest.raises(DataError, match=r'Looked for .* The folder holds nothing'):
        convert(name, tmp_path / 'in', tmp_path / 'out')


@pytest.mark.parametrize('name', RELEASES)
def test_again_and_after_a_kill_the_result_is_the_same(name, tmp_path):
    source = made(tmp_path / 'in', name)
    first = convert(name, source, tmp_path / 'out')
    whole = state(tmp_path / 'out')
    stamps = {path: path.lstat().st_mtime_ns for path in (tmp_path / 'out').rglob('*.png')}
    again = convert(name, source, tmp_path / 'out')
    assert state(tmp_path / 'out') == whole
    assert {path: path.lstat().st_mtime_ns for path in (tmp_path / 'out').rglob('*.png')} == stamps
    assert again == first
    files = sorted(path for path in (tmp_path / 'out').rglob('*') if path.is_file())
    for path in [*files[::2], *(tmp_path / 'out').glob('*.txt')]:
        path.unlink(missing_ok=True)
    left = files[0].with_name(f'.{files[0].name}.123.tmp')
    left.write_bytes(b'half of a fi')
    assert convert(name, source, tmp_path / 'out') == first
    assert not left.exists()
    assert state(tmp_path / 'out') == whole


@pytest.mark.parametrize('name', [name for name in RELEASES if find_converter(name).how])
def test_what_need_not_change_is_linked_or_copied_as_is_wanted(name, tmp_path):
    source = made(tmp_path / 'in', name)
    convert(name, source, tmp_path / 'linked')
    convert(name, source, tmp_path / 'copied', how='copy')
    assert state(tmp_path / 'linked') == state(tmp_path / 'copied')
    images = list((tmp_path / 'linked/image').rglob('*.*'))
    assert all(path.is_symlink() for path in images) == (name not in ('HRSOD', 'BIG'))
    assert not any(path.is_symlink() for path in (tmp_path / 'copied').rglob('*'))


@pytest.mark.parametrize('name', RELEASES)
def test_an_entry_says_its_task_its_counts_and_where_it_comes_from(name):
    converter = find_converter(name)
    assert converter.task == 'SOD'
    assert converter.out(Path('data')).name == name
    # Nothing is known of VOC's and COCO's.
    assert bool(converter.licence) == (name not in ('VOC2012', 'COCO'))
    assert converter.page.startswith('http') or converter.title
