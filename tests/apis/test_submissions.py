"""Zips for the servers, unpacked and compared with what they ask for: section 8 of the layouts as published."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from salseg.apis import init_model
from salseg.apis.submissions import find_videos_of, required_frames, form_of, write_submission
from salseg.cli import main
from salseg.errors import ConfigError, DataError
from salseg.io.annotations import read_annotation
from salseg.io.images import image_size, write_png
from salseg.visualization.palette import davis_palette, write_label_png
from tests.needs import ROOT, needs_project
from tests.releases import make

needs_project('xmem')

SIZE = (32, 40)
CONFIG = str(ROOT / 'projects/xmem/configs/xmem_lite0_masks_davis17-240.py')
# By form: release, what is asked of its maker, folder of the split, options of the config.
SETS = {
    'davis17': ('DAVIS-2017', dict(length=3), '', ()),
    'davis-testdev': ('DAVIS-2017-testdev', dict(length=3, names=['car-race']), '', ('list_file=ImageSets/test.txt',)),
    'ytvos': ('YouTube-VOS', dict(), 'valid', ('list_file=None', 'layout=youtube_vos')),
    'mose': ('MOSE', dict(), 'valid', ('list_file=None',)),
}  # fmt: skip


def convert(form: str, folder: Path) -> Path:
    """The data set as it is converted; gives what ``--data`` is."""
    name, order, split, _ = SETS[form]
    release = make(name, folder / 'archive', size=SIZE, **order)
    for part in (*release.before, release):
        assert main(['convert', part.name, str(part.source), '--root', str(folder / 'data')]) == 0
    return folder / 'data' / name / split


def fill(form: str, data: Path, labels: Path) -> Path:
    """Labels of all frames: what was given so far."""
    for video in find_videos_of(form, data):
        shown = None
        for frame in video.frames:
            given = read_annotation(video.labels[frame][0], 'index') if frame in video.prompts else None
            shown = given if shown is None else shown if given is None else np.where(given > 0, given, shown)
            write_label_png(labels / video.name / f'{frame}.png', shown)
    return labels


def entries(form: str, data: Path) -> set[str]:
    """Names in the zip, from the files of the data set alone."""
    if form == 'ytvos':
        meta = json.loads((data / 'meta.json').read_text())['videos']
        listed = {(v, f) for v, entry in meta.items() for o in entry['objects'].values() for f in o['frames']}
        return {f'Annotations/{video}/{frame}.png' for video, frame in listed}
    lists = {'davis17': 'val', 'davis-testdev': 'test'}
    videos = (data / f'ImageSets/{lists[form]}.txt').read_text().split() if form in lists else None
    images = [path for path in data.glob('JPEGImages/*/*') if videos is None or path.parent.name in videos]
    return {f'{path.parent.name}/{path.stem}.png' for path in images}


@pytest.mark.parametrize('form', SETS)
def test_a_zip_holds_what_the_server_asks_for(form, tmp_path):
    data = convert(form, tmp_path)
    out = tmp_path / 'zips/mine.zip'
    assert (
        main(['submission', form, str(fill(form, data, tmp_path / 'labels')), '--data', str(data), '--out', str(out)])
        == 0
    )
    with zipfile.ZipFile(out) as archive:
        archive.extractall(tmp_path / 'unpacked')
        assert set(archive.namelist()) == entries(form, data)
        assert len(archive.namelist()) == len(entries(form, data))
    for video in find_videos_of(form, data):
        ids = set()
        for frame in required_frames(form_of(form), video):
            place = (tmp_path / 'unpacked' / ('Annotations' if form == 'ytvos' else '')) / video.name / f'{frame}.png'
            if frame in video.prompts:
                ids |= set(np.unique(read_annotation(video.labels[frame][0], 'index')).tolist())
            with Image.open(place) as file:
                assert file.mode == 'P'
                assert file.size[::-1] == image_size(video.images[frame])
                assert set(np.unique(np.asarray(file)).tolist()) <= ids | {0}
                assert file.getpalette()[: 3 * 4] == davis_palette()[:4].reshape(-1).tolist()
    again = write_submission(form, tmp_path / 'labels', find_videos_of(form, data), tmp_path / 'again.zip')
    assert again.read_bytes() == out.read_bytes()


def break_labels(kind: str, path: Path) -> None:
    labels = read_annotation(path, 'index')
    if kind == 'missing':
        path.unlink()
    elif kind == 'holds the id 7; given up to this frame: 1':
        labels[0, 0] = 7
        write_label_png(path, labels)
    elif kind == '16x20, its image 32x40 (height x width)':
        write_label_png(path, labels[::2, ::2])
    elif kind == 'an indexed PNG is expected, found .png of mode L':
        write_png(path, labels)
    elif kind == 'holds the id 255':
        labels[0, 0] = 255
        write_label_png(path, labels)
    else:
        image = Image.fromarray(labels, mode='P')
        image.putpalette([index for index in range(256) for _ in range(3)])
        image.save(path)


@pytest.mark.parametrize(
    'problem',
    ['missing', 'holds the id 7; given up to this frame: 1', '16x20, its image 32x40 (height x width)',
     'an indexed PNG is expected, found .png of mode L', 'holds the id 255', 'its palette is not that of DAVIS'],
)  # fmt: skip
def test_a_wrong_frame_is_named_and_no_zip_is_left(problem, tmp_path, capsys):
    data = tmp_path
    for frame in range(3):
        for video in ('bear', 'camel'):
            write_png(data / f'JPEGImages/{video}/{frame:05d}.png', np.zeros((32, 40, 3), np.uint8))
    for video in ('bear', 'camel'):
        write_label_png(data / f'Annotations/{video}/00000.png', np.eye(32, 40, dtype=np.uint8))
    labels = fill('mose', data, tmp_path / 'labels')
    break_labels(problem, labels / 'camel/00001.png')
    words = ['submission', 'mose', str(labels), '--data', str(data), '--out', str(tmp_path / 'mose.zip')]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert f'camel/00001: {problem}' in error
    assert 'bear' not in error
    assert not list(tmp_path.glob('*mose.zip*'))


def test_an_id_may_not_come_before_its_prompt(tmp_path):
    data = convert('ytvos', tmp_path)
    labels = fill('ytvos', data, tmp_path / 'labels')
    video = next(v for v in find_videos_of('ytvos', data) if len(v.prompts) > 1)
    first, later = list(video.prompts)[:2]
    new = next(iter(set(video.prompts[later]) - set(video.prompts[first])))
    path = labels / video.name / f'{first}.png'
    write_label_png(path, np.full_like(read_annotation(path, 'index'), new))
    with pytest.raises(DataError, match=f'{video.name}/{first}: holds the id {new}; given up to this frame: '):
        write_submission('ytvos', labels, find_videos_of('ytvos', data), tmp_path / 'x.zip')


@pytest.mark.parametrize('form', ['davis-testdev', 'ytvos'])
def test_a_test_without_truth_writes_the_zip_and_no_numbers(form, tmp_path, capfd):
    data = convert(form, tmp_path)
    place = f'data_root={data}', *SETS[form][3]
    options = [
        'model.shorter_side=None', 'test_dataloader.num_workers=0', 'test_dataloader.persistent_workers=False',
        *(f'test_dataloader.dataset.{option}' for option in place),
    ]  # fmt: skip
    torch.manual_seed(2)
    model = init_model(CONFIG, device='cpu', options=options, pretrained=False)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'w.pth')
    words = ['test', CONFIG, str(tmp_path / 'w.pth'), '--work-dir', str(tmp_path / 'work'), '--submission', form]
    assert main([*words, '--cfg-options', *options]) == 0
    assert 'no metrics: only what is given is annotated' in ''.join(capfd.readouterr())
    with zipfile.ZipFile(tmp_path / f'work/predictions/{form}.zip') as archive:
        assert set(archive.namelist()) == entries(form, data)


def test_forms_are_named_and_ytvos_needs_the_frames_of_its_list(tmp_path):
    with pytest.raises(ConfigError, match='expected one of davis17, davis-testdev, ytvos, mose'):
        form_of('davis18')
    videos = find_videos_of('davis17', convert('davis17', tmp_path))
    with pytest.raises(ConfigError, match='meta.json'):
        write_submission('ytvos', ROOT / 'docs/en/images', videos, tmp_path / 'y.zip')
