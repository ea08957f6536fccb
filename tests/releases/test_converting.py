"""Every release, in all its forms, through `salseg convert`: what lies under `data/` is what the release's truth says."""

import os
import shutil

import pytest

from salseg.cli import main
from tests.releases import MAKERS, differences, empty, litter, lose_masks, make, upper, wrap

FORMS = [(name, variant) for name, maker in MAKERS.items() for variant in maker.variants]


@pytest.fixture()
def root(tmp_path):
    return tmp_path / 'data'


def convert(release, root, *options):
    """Status of the command, after what the release builds on."""
    for other in release.before:
        assert main(['convert', other.name, str(other.source), '--root', str(root)]) == 0
    return main(['convert', release.name, str(release.source), '--root', str(root), *options])


def state(folder):
    """Target of every link, content of every other file, and when those that are no lists were written."""
    return {
        os.path.join(top, name): os.readlink(path)
        if path.is_symlink()
        else (path.read_bytes(), 0 if path.suffix == '.txt' else path.stat().st_mtime_ns)
        for top, _, names in os.walk(folder)
        for name in names
        for path in [folder.__class__(top, name)]
    }


@pytest.mark.parametrize(('name', 'variant'), FORMS)
def test_a_release_becomes_what_it_says(name, variant, tmp_path, root):
    release = make(name, tmp_path, variant)
    assert convert(release, root) == 0
    assert differences(release, root) == []


@pytest.mark.parametrize('name', MAKERS)
def test_folders_around_litter_inside_and_capital_suffixes_change_nothing(name, tmp_path, root):
    release = upper(litter(wrap(make(name, tmp_path), 'archive', 'inner')))
    assert convert(release, root) == 0
    assert differences(release, root) == []


@pytest.mark.parametrize('name', MAKERS)
def test_again_and_after_a_kill_it_is_the_same(name, tmp_path, root):
    release = make(name, tmp_path)
    assert convert(release, root) == 0
    before = state(root)
    assert convert(release, root) == 0
    assert state(root) == before
    files = sorted(path for path in (root / release.target).rglob('*') if path.is_file())
    for path in files[::2]:
        path.unlink()
    assert convert(release, root) == 0
    assert differences(release, root) == []


@pytest.mark.parametrize('name', [name for name in MAKERS if name != 'COCO-groups'])
def test_a_third_of_the_masks_missing_is_a_warning_and_two_thirds_are_an_error(name, tmp_path, root, capsys):
    release = make(name, tmp_path / 'whole', length=9)
    if release.annotated != 'all':
        pytest.skip('the release has images without a mask')
    release = lose_masks(release, 1 / 3)
    assert convert(release, root) == 0
    assert 'warning: ' in capsys.readouterr().out
    release = lose_masks(make(name, tmp_path / 'less', length=9), 2 / 3)
    shutil.rmtree(root)
    assert convert(release, root) == 2
    assert '--partial' in capsys.readouterr().err
    assert convert(release, root, '--partial') == 0


@pytest.mark.parametrize('name', MAKERS)
@pytest.mark.parametrize('folders', [False, True])
def test_an_empty_source_is_an_error_that_says_what_was_looked_for(name, folders, tmp_path, root, capsys):
    release = empty(make(name, tmp_path), folders=folders)
    assert convert(release, root) == 2
    message = capsys.readouterr().err
    assert str(release.source) in message
    assert 'Traceback' not in message
