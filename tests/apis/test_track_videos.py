"""Several videos in one call, and prompts by points and scribbles, through the command."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from tests.propagation.small import square, stream, video, xmem
from salseg.apis import init_model, read_prompts, track, track_videos
from salseg.apis.inputs import find_videos
from salseg.apis.prompts import parse_points
from salseg.apis.many_videos import prompts_at
from salseg.cli.main import main
from salseg.errors import DataError
from salseg.io.annotations import read_annotation
from salseg.io.record import read_record
from salseg.io.video_writing import VideoWriter
from salseg.io.videos import FrameSource
from salseg.visualization import write_label_png

CONFIG = Path(__file__).resolve().parents[2] / 'projects/xmem/configs/xmem_lite0_masks_davis17-240.py'
OPTIONS = ['model.key_backbone.weights=None', 'model.value_backbone.weights=None', 'model.shorter_side=None']


@pytest.fixture
def root(tmp_path):
    """A video file, two folders of frames, a broken file, and prompts for all, each in another way."""
    videos, prompts = tmp_path / 'videos', tmp_path / 'prompts'
    for name in ('bear', 'cat'):
        (videos / name).mkdir(parents=True)
        for number, frame in enumerate(video(3)):
            cv2.imwrite(str(videos / name / f'f{number}.png'), frame[..., ::-1])
    with VideoWriter(videos / 'dog.mkv') as writer:
        for frame in video(3):
            writer.write(frame)
    (videos / 'elk.mp4').write_text('no video')
    write_label_png(prompts / 'bear/f1.png', (4 * square(0, 0)).astype(np.uint8))
    write_label_png(prompts / 'cat.png', (2 * square(8, 8)).astype(np.uint8))
    (prompts / 'dog.json').write_text(json.dumps(dict(boxes=['1:0,0,16,16'])))
    (prompts / 'elk.json').write_text(json.dumps(dict(boxes=['1:0,0,16,16'])))
    return tmp_path


def weights(path):
    torch.manual_seed(0)
    model = init_model(str(CONFIG), device='cpu', options=OPTIONS)
    torch.save(dict(state_dict=model.state_dict()), path)
    return path


def command(root, source, *words):
    return [
        'track', str(CONFIG), str(source), '--checkpoint', str(root / 'w.pth'), '--device', 'cpu', *map(str, words),
        '--no-overlay', '--cfg-options', *OPTIONS,
    ]  # fmt: skip


def test_one_bad_video_is_named_at_the_end_and_stops_no_other(root, capsys):
    weights(root / 'w.pth')
    words = command(root, root / 'videos', '--prompts', root / 'prompts', '--out', root / 'out')
    assert main(words) == 1
    said = capsys.readouterr().out.strip().splitlines()
    assert said[-2:][0].startswith('3 of 4 videos tracked')
    assert said[-1].startswith('elk: ')
    assert 'cannot be opened as a video' in said[-1]
    found = {name: read_record(root / 'out' / name).result['object_ids'] for name in ('bear', 'cat', 'dog')}
    assert found == {'bear': [4], 'cat': [2], 'dog': [1]}
    assert not (root / 'out/elk').exists()
    # Killed before the last one had ended, and repeated: what was finished is not written again.
    stamp = (root / 'out/cat/masks/f2.png').stat().st_mtime_ns
    expected = (root / 'out/dog/masks/00002.png').read_bytes()
    record = read_record(root / 'out/dog')
    (root / 'out/dog/masks/00002.png').unlink()
    text = (root / 'out/dog/run.json').read_text()
    (root / 'out/dog/run.json').write_text(text.replace('"state": "done"', '"state": "running"'))
    assert record.state == 'done'
    assert main(words) == 1
    assert (root / 'out/cat/masks/f2.png').stat().st_mtime_ns == stamp
    assert (root / 'out/dog/masks/00002.png').read_bytes() == expected


class Killed(BaseException):
    """As a signal would, it passes every handler of ordinary errors."""


def test_a_killed_call_goes_on_in_the_video_where_it_was(root):
    model, names = xmem(), {name: root / 'videos' / name for name in ('bear', 'cat')}
    whole = track_videos(stream(model), names, root / 'prompts', root / 'whole', overlay=False)

    def kill(name):
        def progress(done, total):
            if (name, done) == ('cat', 2):
                raise Killed

        return progress

    options = dict(overlay=False, state_every=1)
    with pytest.raises(Killed):
        track_videos(stream(model), names, root / 'prompts', root / 'cut', progress=kill, **options)
    stamp = (root / 'cut/bear/masks/f2.png').stat().st_mtime_ns
    report = track_videos(stream(model), names, root / 'prompts', root / 'cut', **options)
    assert not report.failures
    assert report.reports['cat'].resumed_at == 2
    assert (root / 'cut/bear/masks/f2.png').stat().st_mtime_ns == stamp
    for name, found in report.reports.items():
        assert found.objects == whole.reports[name].objects
        for path in Path(found.masks).iterdir():
            assert path.read_bytes() == (root / 'whole' / name / 'masks' / path.name).read_bytes()


def test_videos_come_from_a_folder_or_a_list_and_one_alone_is_no_list(root):
    assert list(find_videos(root / 'videos')) == ['bear', 'cat', 'dog', 'elk']
    assert find_videos(root / 'videos/bear') == {}
    assert find_videos(root / 'videos/dog.mkv') == {}
    (root / 'list.txt').write_text('videos/cat\n\nvideos/dog.mkv\n')
    assert find_videos(root / 'list.txt') == {'cat': root / 'videos/cat', 'dog': root / 'videos/dog.mkv'}
    (root / 'list.txt').write_text('videos/cat\nother/cat\n')
    with pytest.raises(DataError, match="two videos are called 'cat'"):
        find_videos(root / 'list.txt')


def test_prompts_by_convention_are_explained_where_they_are_wrong(root):
    source = FrameSource(root / 'videos/cat')
    with pytest.raises(DataError, match=r"no prompts for 'fox': expected fox/ with masks, fox.png or fox.json"):
        prompts_at(root / 'prompts', 'fox', source)
    path = root / 'all.json'
    write_label_png(root / 'here/m.png', (3 * square(0, 0)).astype(np.uint8))
    path.write_text(json.dumps(dict(cat=dict(mask='here/m.png', boxes=['2@1:0,0,9,9']))))
    assert {n: p.ids for n, p in prompts_at(path, 'cat', source).items()} == {0: (3,), 2: (1,)}
    for facts, words in (
        ({}, "has no prompts for 'cat'"),
        (dict(cat=dict(box=['1:0,0,9,9'])), 'expected an object of mask, scribble, boxes'),
        (dict(cat=dict(boxes='1:0,0,9,9')), 'expected a list of texts'),
        ([], 'are no object'),
    ):
        path.write_text(json.dumps(facts))
        with pytest.raises(DataError, match=words):
            prompts_at(path, 'cat', source)
    path.write_text('{')
    with pytest.raises(DataError, match='cannot be read'):
        prompts_at(path, 'cat', source)


def test_prompts_of_several_videos_are_not_given_one_by_one(root, capsys):
    assert main(['track', 'xmem-lite', str(root / 'videos'), '--box', '1:0,0,9,9', '--out', str(root / 'out')]) == 2
    assert '--prompts PATH alone' in capsys.readouterr().err
    assert main(['track', 'xmem-lite', str(root / 'videos'), '--out', str(root / 'out')]) == 2
    assert 'holds 4 videos; say where their prompts are' in capsys.readouterr().err


@pytest.fixture
def disc(tmp_path):
    """Three frames with a red disc on blue."""
    y, x = np.mgrid[:64, :96]
    labels = (np.hypot(y - 32, x - 30) < 15).astype(np.uint8)
    image = np.array([(30, 40, 170), (200, 50, 40)], np.uint8)[labels]
    (tmp_path / 'disc').mkdir()
    for number in range(3):
        cv2.imwrite(str(tmp_path / f'disc/{number}.png'), image[..., ::-1])
    return labels


def test_points_and_scribbles_become_masks(disc, tmp_path):
    source = FrameSource(tmp_path / 'disc')
    found = read_prompts(source, points=['5:30,32,+ 80,10,-'])
    np.testing.assert_array_equal(found[0].masks[0], disc > 0)
    assert found[0].ids == (5,)
    drawn = np.zeros(disc.shape, np.uint8)
    drawn[25:40, 28:32], drawn[5:60, 70:74] = 1, 2
    Image.fromarray(drawn).save(tmp_path / 'codes.png')
    found = read_prompts(source, scribbles=tmp_path / 'codes.png')
    assert found[0].ids == (1,)
    np.testing.assert_array_equal(found[0].masks[0], disc > 0)
    drawn[drawn == 2], drawn[drawn == 1] = 255, 9
    (tmp_path / 'ids').mkdir()
    Image.fromarray(drawn).save(tmp_path / 'ids/2.png')
    found = read_prompts(source, boxes=['1:60,0,70,9'], scribbles=tmp_path / 'ids', scribble_encoding='index')
    assert {number: prompt.ids for number, prompt in found.items()} == {0: (1,), 2: (9,)}
    np.testing.assert_array_equal(found[2].masks[0], disc > 0)


def test_the_command_takes_points_in_any_frame(disc, tmp_path):
    weights(tmp_path / 'w.pth')
    words = ['--points', '1@1:30,32,+', '--backward', '--rle', '--alpha', '--every', '1', '--permanent', '2', '--flip']
    assert main(command(tmp_path, tmp_path / 'disc', *words, '--out', tmp_path / 'out')) == 0
    np.testing.assert_array_equal(read_annotation(tmp_path / 'out/masks/1.png', 'index'), disc)
    assert {path.name for path in (tmp_path / 'out').iterdir()} >= {'rle.json', 'alpha.mov', 'matte', 'objects.csv'}
    assert read_record(tmp_path / 'out').settings['permanent'] == [2]


def test_unusable_points_are_explained(disc, tmp_path):
    assert parse_points('3@2:1,2 3,4,-') == (3, 2, [(1.0, 2.0, True), (3.0, 4.0, False)])
    for text in ('1:2', '1:', 'a:1,2', '1,2,+', '1:1,2,*', '1:1,2,+,3'):
        with pytest.raises(DataError, match='id:x,y,'):
            parse_points(text)
    source = FrameSource(tmp_path / 'disc')
    with pytest.raises(DataError, match='a point was given for frame 9'):
        read_prompts(source, points=['9@1:1,2'])
    with pytest.raises(DataError, match='given twice in frame 0'):
        read_prompts(source, points=['1:30,32'], boxes=['1:0,0,9,9'])
    with pytest.raises(DataError, match="expected 'scribble'"):
        read_prompts(source, scribbles=tmp_path, scribble_encoding='binary')
    write_label_png(tmp_path / 'nothing.png', np.zeros(disc.shape, np.uint8))
    with pytest.raises(DataError, match=r'nothing.png: the seeds hold no object'):
        read_prompts(source, scribbles=tmp_path / 'nothing.png')


def test_a_prompt_behind_the_end_of_a_file_is_refused(root):
    write_label_png(root / 'late/00009.png', square(0, 0).astype(np.uint8))
    write_label_png(root / 'late/00000.png', square(0, 0).astype(np.uint8))
    source = FrameSource(root / 'videos/dog.mkv')
    with pytest.raises(DataError, match=r'ends with frame 2; prompts or permanent frames were given for \[9\]'):
        track(stream(xmem()), source, read_prompts(source, root / 'late'), root / 'out')
