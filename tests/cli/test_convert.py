"""One command for all converters: the list, the help of each, where it writes, its exit status."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from salseg.apis.converting import CONVERTERS, find_converter
from salseg.cli import common, main
from salseg.cli.convert import _known
from salseg.errors import UnknownName
from tests.apis.converting.image_releases import RELEASES as IMAGES
from tests.apis.converting.small_groups import GROUPS, truth
from tests.apis.converting.small_videos import RELEASES as VIDEOS
from tests.datasets.checking.folders import SIZE, draw_image, groups, images, mask, save, scribble
from tests.needs import ROOT


def convert(*words):
    return main(['convert', *map(str, words)])


def state(root):
    return {path.relative_to(root): path.read_bytes() for path in root.rglob('*') if path.is_file()}


def duts(root):
    for part in ('DUTS-TR', 'DUTS-TE'):
        save(root / part / f'{part}-Image/{part[-1]}.jpg', draw_image(ord(part[-1])))
        save(root / part / f'{part}-Mask/{part[-1]}.png', mask())
    return root


def s_duts(root):
    assert convert('DUTS', duts(root.parent / 'duts-source')) == 0
    save(root / 'R.png', scribble())
    return root


def coco(root):
    square = [20, 10, 100, 10, 100, 90, 20, 90]
    names = ('a.png', 'b.png')
    for number, name in enumerate(names):
        save(root / 'train2017' / name, draw_image(number, (100, 120)))
    content = dict(
        images=[dict(id=n, file_name=name, height=100, width=120) for n, name in enumerate(names)],
        annotations=[dict(image_id=n, category_id=1, segmentation=[square], area=6400) for n in range(2)],
        categories=[dict(id=1, name='../../../cat')],
    )
    (root / 'annotations').mkdir()
    (root / 'annotations/instances_train2017.json').write_text(json.dumps(content))
    return root


def image_set(name):
    def make(root):
        IMAGES[name].make(root)
        return root

    return make


def scribble_classes(root):
    objects = (scribble() == 1) * np.uint8(255)
    save(root / 'img/a.jpg', draw_image(0))
    save(root / 'gt/a.png', objects)
    save(root / 'mask/a.png', (scribble() > 0) * np.uint8(255))
    return root


def painted(root):
    image = np.full((*SIZE, 3), 90, np.uint8)
    save(root / 'image/a.png', image)
    drawn = image.copy()
    drawn[12, 10:18], drawn[2, 4:28] = (255, 0, 0), (0, 0, 255)
    save(root / 'painted/a.png', drawn)
    return root


def labelme(root):
    save(root / 'a.png', draw_image(0))
    shape = dict(label='cat', shape_type='rectangle', points=[[8, 6], [20, 18]])
    content = dict(imagePath='a.png', imageHeight=SIZE[0], imageWidth=SIZE[1], shapes=[shape])
    (root / 'a.json').write_text(json.dumps(content))
    return root


_VIDEO_FILES = {
    'YouTube-VOS': 'train_480p/Annotations/cow/00005.png',
    'YouTube-VOS-2019': 'train_480p/Annotations/cow/00005.png',
    'VOS': 'Annotations/10/00015.png',
    'FBMS': 'Annotations/tennis/00002.png',
    'DAVSOD': 'Annotations/select_0002/00002.png',
    'SegTrackv2': 'Annotations/bmx/bmx_000.png',
    'MOSE': 'train/Annotations/cow/00002.png',
}
# Maker of a release of a few pixels, and one file that must come out of it, with what it is.
SMALL = {
    **{name: (image_set(name), f'{name}/mask/{IMAGES[name].keys[0]}.png', None) for name in IMAGES},
    'DUTS': (duts, 'DUTS/mask/E.png', mask()),
    'S-DUTS': (s_duts, 'DUTS/scribble/R.png', scribble()),
    **{name: (make, f'{name}/gt/alarm clock/01.5.png', truth(11)) for name, make in GROUPS.items()},
    'COCO-groups': (coco, 'COCO-groups/gt/_.._.._cat/a.png', None),
    'labelme': (labelme, 'own/mask/a.png', mask()),
    'coco': (coco, 'own/mask/a.png', None),
    'masks': (images, 'own/mask/b.png', mask()),
    **{
        name: (make, f'{name}/{_VIDEO_FILES.get(name, "Annotations/bear/00000.png")}', None)
        for name, make in VIDEOS.items()
    },
    'painted': (painted, 'own/scribble/a.png', scribble()),
    'scribbles': (scribble_classes, 'scribbles/scribble/a.png', scribble()),
    'boxes': (images, 'boxes.csv', None),
}


def test_the_list_names_every_converter_and_loads_no_torch():
    code = (
        'import sys; from salseg.cli import main; status = main(sys.argv[1:]); '
        'assert not {"torch", "mmengine"} & set(sys.modules); sys.exit(status)'
    )
    env = {**os.environ, 'PYTHONPATH': str(ROOT)}
    command = [sys.executable, '-c', code, 'convert', '--list']
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    rows = [line.split('|') for line in done.stdout.splitlines() if line.startswith('|')]
    listed = [row[1].strip() for row in rows if row[1].strip()]
    assert listed == ['NAME', *CONVERTERS]
    assert max(map(len, done.stdout.splitlines())) <= 120


def test_the_list_has_the_facts_of_every_release_and_breaks_no_address(capsys):
    assert convert('--list') == 0
    text = capsys.readouterr().out
    for converter in CONVERTERS.values():
        for number in (n for numbers in converter.published.values() for n in numbers):
            assert f'{number:,}' in text
        assert converter.page in text
        assert converter.page or f'paper: {converter.title}'[:60] in text or not converter.title


def test_where_no_page_is_known_the_list_has_the_title_of_the_paper():
    facts = _known(replace(CONVERTERS['DUTS'], page='', title='Learning to Detect'))
    assert facts['paper'] == 'Learning to Detect'
    assert 'page' not in facts
    assert 'paper' not in _known(replace(CONVERTERS['DUTS'], title='Learning to Detect'))


def test_progress_in_a_log_says_how_much_time_is_left(capsys):
    now = 0.0
    lines = common.ProgressLines('converting', '', clock=lambda: now, stderr=True)
    lines(1, 100)
    now = 20.0
    lines(25, 100)
    assert capsys.readouterr() == ('', 'converting: 25 of 100, 0:01:00 left\n')


@pytest.mark.parametrize(('typo', 'near'), [('DAVIS', 'DAVIS-2016'), ('cosod3', 'CoSOD3k'), ('scribles', 'scribbles')])
def test_a_typo_gets_the_nearest_names(typo, near, tmp_path, capsys):
    assert convert(typo, tmp_path) == 2
    message = capsys.readouterr().err
    assert f"nothing called '{typo}' can be converted" in message
    assert near in message.partition('Nearest: ')[2]


def test_names_that_differ_in_case_only_are_told_apart():
    assert find_converter('COCO').folder == ''
    assert find_converter('coco').folder == 'own'
    assert find_converter('ecssd').name == 'ECSSD'
    with pytest.raises(UnknownName, match="'Coco' may be COCO or coco; write it so"):
        find_converter('Coco')


def test_without_a_name_the_list_is_pointed_at(capsys):
    assert convert() == 2
    assert 'salseg convert --list' in capsys.readouterr().err


@pytest.mark.parametrize('name', CONVERTERS)
def test_the_help_of_a_converter_shows_its_own_options_and_facts(name, capsys, monkeypatch):
    monkeypatch.setenv('COLUMNS', '400')
    with pytest.raises(SystemExit) as stop:
        convert(name, '--help')
    text = capsys.readouterr().out
    assert stop.value.code == 0
    assert f'usage: salseg convert {name} ' in text
    converter = CONVERTERS[name]
    for option in converter.options:
        assert f'--{(option.flag or option.name).replace("_", "-")}' in text
    assert ('--draw' in text) == (name == 'scribbles')
    assert ('--hardlink' in text) == bool(converter.how)
    assert converter.page in text
    for numbers in converter.published.values():
        assert all(f'{number:,}' in text for number in numbers)


def test_an_option_of_another_converter_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        convert('CoCA', groups(tmp_path / 'in'), '--draw')
    assert stop.value.code == 2
    assert 'unrecognized arguments: --draw' in capsys.readouterr().err


@pytest.mark.parametrize('name', CONVERTERS)
def test_a_release_is_found_below_data_and_a_second_run_changes_nothing(name, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make, expected, content = SMALL[name]
    source = make(tmp_path / 'download')
    before = state(source)
    assert convert(name, source) == 0
    file = tmp_path / 'data' / expected
    assert file.is_file()
    if content is not None:
        np.testing.assert_array_equal(np.asarray(Image.open(file)), content)
    assert '| written ' in capsys.readouterr().out
    written = state(tmp_path / 'data')
    stamps = {path: path.lstat().st_mtime_ns for path in (tmp_path / 'data').rglob('*.png')}
    assert convert(name, source) == 0
    assert state(tmp_path / 'data') == written
    assert {path: path.lstat().st_mtime_ns for path in (tmp_path / 'data').rglob('*.png')} == stamps
    assert state(source) == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != 'duts-source') == ['data', 'download']


@pytest.mark.parametrize('name', CONVERTERS)
def test_a_source_that_is_not_there_is_said_and_nothing_is_written(name, tmp_path, capsys):
    (tmp_path / 'there').mkdir()
    assert convert(name, tmp_path / 'nowhere', '--root', tmp_path / 'data') == 2
    assert 'nowhere does not exist' in capsys.readouterr().err
    assert not (tmp_path / 'data').exists()


@pytest.mark.parametrize('name', [name for name in CONVERTERS if name != 'S-DUTS'])
def test_an_empty_source_is_an_error_of_a_sentence(name, tmp_path, capsys):
    (tmp_path / 'in').mkdir()
    assert convert(name, tmp_path / 'in', '--root', tmp_path / 'data') == 2
    message = capsys.readouterr().err
    assert f'{tmp_path / "in"}' in message
    assert 'Traceback' not in message
    assert not (tmp_path / 'data').exists()


def test_releases_are_linked_unless_copies_are_wanted_and_own_data_is_copied(tmp_path):
    source = groups(tmp_path / 'in')
    for words, linked in (((), True), (('--copy',), False), (('--link',), True)):
        out = tmp_path / ''.join(('out', *words))
        assert convert('CoCA', source, '--out', out, *words) == 0
        assert (out / 'image/group 0/0.jpg').is_symlink() == linked
        assert not (out / 'gt/group 0/0.png').is_symlink()
    assert convert('CoCA', source, '--out', tmp_path / 'hard', '--hardlink') == 0
    assert (tmp_path / 'hard/image/group 0/0.jpg').stat().st_nlink == 2
    assert convert('painted', painted(tmp_path / 'mine'), '--root', tmp_path / 'data') == 0
    assert not (tmp_path / 'data/own/image/a.png').is_symlink()


def test_a_killed_conversion_is_resumed_to_the_same_files(tmp_path):
    source = images(tmp_path / 'in')
    assert convert('scribbles', source, '--draw', '--out', tmp_path / 'whole') == 0
    assert convert('scribbles', source, '--draw', '--out', tmp_path / 'out') == 0
    for name in ('scribble/b.png', 'image/c.jpg', 'train.txt'):
        (tmp_path / 'out' / name).unlink()
    (tmp_path / 'out/scribble/.c.png.1.tmp').write_bytes(b'half')
    assert convert('scribbles', source, '--draw', '--out', tmp_path / 'out') == 0
    (tmp_path / 'out/scribble/.c.png.1.tmp').unlink()
    assert state(tmp_path / 'out') == state(tmp_path / 'whole')


def test_the_summary_says_what_was_written_and_how_to_check_it(tmp_path, capsys):
    out = tmp_path / 'out'
    assert convert('scribbles', images(tmp_path / 'in'), '--draw', '--out', out) == 0
    text = capsys.readouterr().out
    assert '| scribbles | 3      |' in text
    assert f'salseg check-data {out}' in text


def test_what_is_left_out_gives_status_one_with_its_reason(tmp_path, capsys):
    source = images(tmp_path / 'in')
    save(source / 'mask/c.png', np.zeros(SIZE, np.uint8))
    assert convert('scribbles', source, '--draw', '--out', tmp_path / 'out') == 1
    text = capsys.readouterr().out
    assert 'left out: masks without object, 1:' in text
    assert str(source / 'mask/c.png') in text


def test_counts_that_are_not_the_published_ones_are_a_warning(tmp_path, capsys):
    assert convert('MSRC', groups(tmp_path / 'in'), '--root', tmp_path / 'data') == 0
    assert 'warning: 5 images, published 233 or 240; is the copy complete?' in capsys.readouterr().out


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, capsys):
    (tmp_path / 'data').write_text('a file where the folder should be')
    assert convert('CoCA', groups(tmp_path / 'in'), '--root', tmp_path / 'data') == 2
    message = capsys.readouterr().err
    assert f'salseg convert: DataError: {tmp_path / "data/CoCA"} cannot be made from' in message
    assert 'Traceback' not in message
