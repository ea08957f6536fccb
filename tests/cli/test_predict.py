"""`salseg predict` as it is typed."""

import numpy as np
import pytest

import salseg
from salseg.cli import main
from salseg.cli.common import ProgressLines
from salseg.cli.predict import is_input
from salseg.engine.config import is_run_folder, load_config, write_run_config
from salseg.engine.config.loading import resolve
from salseg.errors import ConfigError
from tests.apis.brightness import contents, photo, photos, save

CPU = ['--device', 'cpu']


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def predict(capsys, *words):
    status = main(['predict', *words, *CPU])
    said = capsys.readouterr()
    return status, ' '.join((said.out + said.err).split())


def test_an_image_alone_is_answered_by_the_demo_which_says_what_it_is(tmp_path, capsys):
    save(tmp_path / 'photo.png', photo(size=(40, 30)))
    status, said = predict(capsys, 'photo.png')
    assert status == 0
    assert 'no MODEL was named: salseg-demo (Apache-2.0). A demo' in said
    assert 'synthetic images only' in said
    assert sorted(contents(tmp_path / 'salseg_maps')) == ['photo.png']


def test_command_api_and_shards_give_the_same_bytes(tmp_path, capsys):
    paths = photos(tmp_path / 'in', 5)
    assert predict(capsys, 'salseg-demo', 'in', '--out', 'whole')[0] == 0
    for k in (1, 2):
        assert predict(capsys, 'salseg-demo', 'in', '--out', 'shared', '--shard', f'{k}/2')[0] == 0
    assert contents(tmp_path / 'shared') == contents(tmp_path / 'whole')
    from salseg.io.annotations import read_map

    for path, found in zip(paths, salseg.predict('salseg-demo', 'in', device='cpu'), strict=True):
        np.testing.assert_array_equal(read_map(tmp_path / f'whole/{path.stem}.png'), found)


def test_launched_processes_take_their_shards(tmp_path, capsys, monkeypatch):
    photos(tmp_path / 'in', 3)
    for rank in '01':
        monkeypatch.setenv('RANK', rank)
        monkeypatch.setenv('WORLD_SIZE', '2')
        status, said = predict(capsys, 'in')
        assert status == 0
        assert f'shard {int(rank) + 1} of 2' in said
        assert f'{2 - int(rank)} files written' in said
    assert len(contents(tmp_path / 'salseg_maps')) == 3


def test_a_second_start_says_what_was_there(tmp_path, capsys):
    photos(tmp_path / 'in', 2)
    predict(capsys, 'in', '--save', 'mask,report')
    status, said = predict(capsys, 'in', '--save', 'mask,report')
    assert status == 0
    assert '0 files written below salseg_maps; 2 images were there already' in said
    assert 'all on one page: salseg_maps/report.html' in said


def test_a_folder_of_frames_is_no_video_for_single_images_but_a_video_file_is(tmp_path, capsys):
    from salseg.io.video_writing import VideoWriter

    with VideoWriter(tmp_path / 'film.avi') as writer:
        for number in range(3):
            writer.write(photo(number, (32, 32)))
    status, said = predict(capsys, 'film.avi', '--save', 'mask,video,report')
    assert status == 0
    assert '3 frames of film' in said
    there = {p.name for p in (tmp_path / 'salseg_maps').iterdir()}
    assert there == {'mask', 'overlay.mp4', 'report.html', 'run.json'}
    photos(tmp_path / 'in', 1)
    status, said = predict(capsys, 'in', 'film.avi')
    assert status == 2
    assert 'run twice, with two --out' in said
    status, said = predict(capsys, 'in', '--save', 'video', '--out', 'other')
    assert status == 2
    assert 'single images make no video' in said


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['nothing.jpg'], 'No image, video or folder of them is called nothing.jpg'),
        (['scwsod', 'in'], 'Nearest: scwssod'),
        (['in', '--batch-size', '0'], '--batch-size 0; expected 1 or more'),
        (['in', '--shard', '3/2'], 'expected K/N with K from 1 to N'),
        (['in', '--watch', '--shard', '1/2'], 'one process can watch a folder'),
    ],
)
def test_mistakes_are_one_message(tmp_path, capsys, words, message):
    photos(tmp_path / 'in', 1)
    status, said = predict(capsys, *words)
    assert status == 2
    assert message in said
    assert 'Traceback' not in said


def test_a_runs_folder_is_a_model_and_a_folder_of_images_is_not(tmp_path):
    photos(tmp_path / 'in', 1)
    (tmp_path / 'run').mkdir()
    write_run_config(load_config('scwssod-lite'), tmp_path / 'run')
    (tmp_path / 'run/config.py').touch()
    found = {
        word: is_input(word) for word in ('in', 'in/*.png', 'in/000.png', '0', 'run', 'scwssod-lite', 'run/config.py')
    }
    assert [word for word, yes in found.items() if yes] == ['in', 'in/*.png', 'in/000.png', '0']


def test_a_python_file_in_a_folder_of_images_is_never_run(tmp_path, capsys):
    photos(tmp_path / 'a', 2)
    photos(tmp_path / 'b', 1)
    (tmp_path / 'a/setup.py').write_text(f'open({str(tmp_path / "ran")!r}, "w")\nmodel = dict()\n')
    predict(capsys, 'a', 'b')
    with pytest.raises(ConfigError, match=r'a is no folder of a run: .* setup\.py in it is code'):
        load_config(str(tmp_path / 'a'))
    # Nor with what a training leaves beside it: they stay images.
    (tmp_path / 'a/iter_1.pth').touch()
    (tmp_path / 'a/last_checkpoint').write_text('iter_1.pth')
    (tmp_path / 'a/20260101/vis_data').mkdir(parents=True)
    status, said = predict(capsys, 'a')
    assert status == 0, said
    assert not (tmp_path / 'ran').exists()


def test_a_folder_that_is_called_like_a_model_does_not_take_its_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'salseg-demo').mkdir()
    (tmp_path / 'salseg-demo/config.py').write_text('raise SystemExit')
    write_run_config(load_config('scwssod-lite'), 'salseg-demo')
    assert not is_input('salseg-demo')
    assert resolve('salseg-demo').parent != tmp_path / 'salseg-demo'
    assert is_run_folder('./salseg-demo')


def test_what_a_folder_holds_and_is_not_read_is_counted_and_named(tmp_path, capsys):
    photos(tmp_path / 'in', 2)
    for name in ('notes.txt', 'raw.dng', 'film.mp4', '.hidden.txt', 'Thumbs.db', '@eaDir/x.jpg', '.cache/y.png'):
        path = tmp_path / 'in' / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    status, said = predict(capsys, 'salseg-demo', 'in', '--out', 'out')
    assert status == 1
    assert '3 files left out: 1 .dng (raw of a camera, export as JPEG), 1 .mp4 (a video, name it alone), 1 .txt' in said
    assert sorted(path.name for path in (tmp_path / 'out').rglob('*.png')) == ['000.png', '001.png']


def test_a_log_gets_lines_with_throughput_and_the_time_that_is_left(capsys):
    now = 0.0
    lines = ProgressLines('predicting', 'images', every=10, clock=lambda: now)
    for done in range(101, 201):
        now += 0.5
        lines(done, 400)
    lines.end()
    said = capsys.readouterr().out.splitlines()
    assert said[0] == 'predicting: 120 of 400, 2.0 images/s, 0:02:20 left'
    assert said[-1] == 'predicting: 200 of 400, 2.0 images/s, 0:01:40 left'
    assert len(said) == 6
