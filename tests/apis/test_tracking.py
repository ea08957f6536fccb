import json
import signal
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from tests.processes import run_python
from salseg.apis import init_model, read_prompts, track
from salseg.apis.prompts import parse_box
from salseg.cli.main import main
from salseg.io.annotations import read_annotation
from salseg.io.record import FileMark, read_record, write_record
from salseg.io.videos import FrameSource
from salseg.ops.fingerprint import weights_fingerprint
from salseg.engine.hooks import SaveLabelsHook
from salseg.errors import DataError, NotFinite
from salseg.propagation import Prompt, propagate
from salseg.structures import SalDataSample
from salseg.io.video_writing import VideoWriter
from salseg.visualization import write_label_png
from tests.propagation.small import MODELS, SIZE, square, stream, video, xmem

both = pytest.mark.parametrize('make', MODELS.values(), ids=MODELS)


@pytest.fixture
def folder(tmp_path):
    """Seven frames, named so that plain sorting would mix them up."""
    root = tmp_path / 'frames'
    root.mkdir()
    for number, frame in enumerate(video(7)):
        cv2.imwrite(str(root / f'f{number + 5}.png'), frame[..., ::-1])
    return root


def prompts():
    return {0: Prompt.from_masks({7: square(0, 0)}), 3: Prompt.from_masks({3: square(24, 32)})}


def written(out):
    files = sorted((out / 'masks').glob('*.png'), key=lambda p: int(p.stem[1:]))
    return [read_annotation(file, 'index') for file in files]


@both
def test_files_hold_the_labels_of_the_stream(make, folder, tmp_path):
    model = make()
    report = track(stream(model), folder, prompts(), tmp_path / 'out')
    expected = [r.labels for r in propagate(stream(model), video(7), prompts())]
    np.testing.assert_array_equal(written(tmp_path / 'out'), expected)
    assert (report.frames, report.object_ids, report.resumed_at) == (7, (7, 3), 0)
    assert Image.open(tmp_path / 'out' / 'masks' / 'f5.png').mode == 'P'
    assert sum(1 for _ in FrameSource(report.overlay).frames()) == 7
    assert {p.name for p in (tmp_path / 'out').iterdir()} == {
        'masks', 'objects.csv', '.track-frames.jsonl', 'overlay.mp4', 'run.json', 'track.json',
    }  # fmt: skip
    assert (
        json.loads((tmp_path / 'out/track.json').read_text())
        == json.loads((tmp_path / 'out/run.json').read_text())['result']
    )


class Killed(BaseException):
    """As a signal would, it passes every handler of ordinary errors."""


@both
def test_a_killed_call_goes_on_where_its_state_was_stored(make, folder, tmp_path):
    model = make()
    whole = track(stream(model), folder, prompts(), tmp_path / 'whole', state_every=2)

    def kill(done, total):
        assert total == 7
        if done == 5:
            raise Killed

    with pytest.raises(Killed):
        track(stream(model), folder, prompts(), tmp_path / 'cut', state_every=2, progress=kill)
    assert not (tmp_path / 'cut' / 'overlay.mp4').exists()
    report = track(stream(model), folder, prompts(), tmp_path / 'cut', state_every=2)
    assert report.resumed_at == 4
    np.testing.assert_array_equal(written(tmp_path / 'cut'), written(tmp_path / 'whole'))
    # The encoder now and then gives other pixels for the same frames; a tint that is missing differs by far more.
    first, second = (np.stack(list(FrameSource(r.overlay).frames())).astype(int) for r in (whole, report))
    assert first.shape == second.shape
    assert np.abs(first - second).mean() < 1


def test_a_finished_call_is_not_repeated_and_another_one_is_refused(folder, tmp_path):
    model, out = xmem(), tmp_path / 'out'
    first = track(stream(model), folder, prompts(), out)
    stamp = (out / 'masks' / 'f5.png').stat().st_mtime_ns
    assert track(stream(model), folder, prompts(), out) == first
    assert (out / 'masks' / 'f5.png').stat().st_mtime_ns == stamp
    other = {0: Prompt.from_masks({1: square(8, 8)})}
    with pytest.raises(DataError, match='--overwrite'):
        track(stream(model), folder, other, out)
    assert track(stream(model), folder, other, out, overwrite=True).object_ids == (1,)
    assert read_record(out).result['object_ids'] == [1]


def test_the_record_holds_what_went_in_what_came_out_and_how_it_went(folder, tmp_path):
    out, model = tmp_path / 'out', xmem()
    report = track(stream(model), folder, prompts(), out)
    record = read_record(out, 'track')
    assert (record.state, record.weights.fingerprint) == ('done', weights_fingerprint(model))
    assert record.inputs == {path.name: FileMark.of(path, content=True) for path in folder.iterdir()}
    results = [*(out / 'masks').iterdir(), out / 'objects.csv', out / 'overlay.mp4']
    assert record.outputs == {path.name: FileMark.of(path, content=True) for path in results}
    assert record.settings['prompts']['3']['ids'] == [3]
    assert record.result['memory']['bytes'] > 0
    assert asdict(report).items() <= {**record.result, 'object_ids': (7, 3)}.items()


@pytest.mark.parametrize(
    ('key', 'value'), [('frames', 0), ('frames', -7), ('object_ids', [0]), ('overlay', 3), ('masks', None)]
)
def test_a_finished_record_that_was_changed_is_not_believed(folder, tmp_path, key, value):
    out, model = tmp_path / 'out', xmem()
    track(stream(model), folder, prompts(), out, max_frames=4)
    record = read_record(out)
    record.result[key] = value
    write_record(out, record)
    with pytest.raises(DataError, match=rf'run\.json is no record of salseg: result: {key} is (.|\n)*delete it'):
        track(stream(model), folder, prompts(), out, max_frames=4)


def test_a_call_that_failed_before_its_first_answer_may_be_corrected(folder, tmp_path):
    out, model = tmp_path / 'out', xmem()
    wrong = {0: Prompt.from_masks({7: square(0, 0)[:40]})}
    with pytest.raises(DataError):
        track(stream(model), folder, wrong, out)
    assert read_record(out).state == 'running'
    assert track(stream(model), folder, prompts(), out, max_frames=4).frames == 4


def test_other_weights_under_the_same_name_are_refused_even_before_a_state_was_stored(folder, tmp_path):
    out, model = tmp_path / 'out', xmem()
    model.weights_source = 'w.pth'

    def kill(done, total):
        raise Killed

    with pytest.raises(Killed):
        track(stream(model), folder, prompts(), out, progress=kill)
    next(model.parameters()).data += 1
    with pytest.raises(DataError, match=r'with other weights:\n  weights: \w+ \(w.pth\) there, \w+ \(w.pth\) now'):
        track(stream(model), folder, prompts(), out)
    assert track(stream(model), folder, prompts(), out, overwrite=True).frames == 7


def test_a_video_file_is_tracked_as_its_frames_are(tmp_path):
    with VideoWriter(tmp_path / 'v.mkv', fps=10) as writer:
        for frame in video(4):
            writer.write(frame)
    source = FrameSource(tmp_path / 'v.mkv')
    assert source.fps == 10
    np.testing.assert_array_equal(list(source.frames()), video(4))
    np.testing.assert_array_equal(list(source.frames(2)), video(4)[2:])
    model = xmem()
    report = track(stream(model), source, {0: prompts()[0]}, tmp_path / 'out', overlay=False, max_frames=3)
    assert (report.frames, report.overlay) == (3, None)
    expected = [r.labels for r in propagate(stream(model), video(4)[:3], {0: prompts()[0]})]
    found = [read_annotation(tmp_path / 'out' / 'masks' / f'{n:05d}.png', 'index') for n in range(3)]
    np.testing.assert_array_equal(found, expected)


def test_prompts_come_from_a_mask_a_folder_of_masks_and_boxes(folder, tmp_path):
    source = FrameSource(folder)
    write_label_png(tmp_path / 'first.png', (4 * square(0, 0)).astype(np.uint8))
    found = read_prompts(source, masks=tmp_path / 'first.png', boxes=['9:32,24,48,40', '2@1:0,0,8,8'])
    assert {number: prompt.ids for number, prompt in found.items()} == {0: (4, 9), 2: (1,)}
    assert found[0].masks[1].nonzero().tolist() == np.argwhere(square(24, 32)).tolist()
    assert found[0].from_box == (False, True)
    write_label_png(tmp_path / 'masks' / 'f8.png', (2 * square(8, 8)).astype(np.uint8))
    assert {n: p.ids for n, p in read_prompts(source, masks=tmp_path / 'masks').items()} == {3: (2,)}


def test_unusable_prompts_are_explained(folder, tmp_path):
    source, labels = FrameSource(folder), square(0, 0).astype(np.uint8)
    write_label_png(tmp_path / 'grey.png', 255 * labels)
    write_label_png(tmp_path / 'masks' / 'g1.png', labels)
    with pytest.raises(DataError, match="encoding='binary'"):
        read_prompts(source, masks=tmp_path / 'grey.png')
    assert read_prompts(source, masks=tmp_path / 'grey.png', encoding='binary')[0].ids == (1,)
    with pytest.raises(DataError, match='belongs to no frame'):
        read_prompts(source, masks=tmp_path / 'masks')
    with pytest.raises(DataError, match='given twice in frame 0'):
        read_prompts(source, boxes=['1:0,0,9,9', '1:8,8,20,20'])
    with pytest.raises(DataError, match='frame 99'):
        read_prompts(source, boxes=['99@1:0,0,9,9'])
    for text in ('1:2,3', 'a:1,2,3,4', '1,2,3,4', '1:x,2,3,4'):
        with pytest.raises(DataError, match='id:x0,y0,x1,y1'):
            parse_box(text)


def test_boxes_that_reach_beyond_the_image_are_cut_and_that_is_reported(folder):
    said = []
    source, boxes = FrameSource(folder), ['3:-4,2.5,20,90', '2@9:60,40,64.5,48', '5:0,0,64,48', '6:8,8,9,9']
    found = read_prompts(source, boxes=boxes, note=said.append)
    assert said == [
        'the box -4,2.5,20,90 of object 3 reaches beyond frame 0, 64x48 pixels, and is cut to 0,2.5,20,48.',
        'the box 60,40,64.5,48 of object 9 reaches beyond frame 2, 64x48 pixels, and is cut to 60,40,64,48.',
    ]
    assert found[2].masks.nonzero().amin(0).tolist() == [0, 40, 60]
    with pytest.raises(DataError, match='holds no pixel of the 64x48 image'):
        read_prompts(source, boxes=['1:70,0,90,9'], note=said.append)


def test_the_command_says_that_a_box_is_cut_and_takes_a_folder_of_a_number_for_no_camera(
    folder, tmp_path, monkeypatch, capsys
):
    folder.rename(tmp_path / '7')
    monkeypatch.chdir(tmp_path)
    config = Path(__file__).resolve().parents[2] / 'projects/xmem/configs/xmem_lite0_masks_davis17-240.py'
    words = ['track', str(config), '7', '--box', '1:-5,0,20,30', '--out', 'out']
    options = ['model.key_backbone.weights=None', 'model.value_backbone.weights=None', 'model.shorter_side=None']
    few = ['--max-frames', '1', '--no-overlay', '--random-weights', '--device', 'cpu', '--cfg-options', *options]
    assert main([*words, *few]) == 0
    assert 'is cut to 0,0,20,30.\n' in capsys.readouterr().out


def test_nothing_to_follow_and_frames_that_do_not_exist_are_refused(folder, tmp_path):
    with pytest.raises(DataError, match='--mask FILE or --box'):
        track(stream(xmem()), folder, {}, tmp_path / 'out')
    with pytest.raises(DataError, match='the video has 7 frames'):
        track(stream(xmem()), folder, {7: prompts()[0]}, tmp_path / 'out')
    with pytest.raises(DataError, match='does not exist'):
        FrameSource(tmp_path / 'nothing.mp4')
    (tmp_path / 'text.mp4').write_text('no video')
    with pytest.raises(DataError, match='cannot be opened'):
        FrameSource(tmp_path / 'text.mp4')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(DataError, match='holds no image'):
        FrameSource(tmp_path / 'empty')


def test_a_folder_is_ordered_by_the_numbers_in_its_names(folder):
    assert FrameSource(folder).names == [f'f{n}' for n in range(5, 12)]
    assert next(iter(FrameSource(folder).frames(3))).shape == (*SIZE, 3)


def test_a_missing_frame_is_named(folder, tmp_path):
    (folder / 'f8.png').unlink()
    with pytest.raises(DataError, match='lacks 1 frame in its numbering: f8, between f7 and f9'):
        track(stream(xmem()), folder, {0: prompts()[0]}, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
    report = track(stream(xmem()), folder, {0: prompts()[0]}, tmp_path / 'out', overlay=False, allow_gaps=True)
    assert report.frames == 6


def test_a_video_that_is_cut_off_is_named_each_time(tmp_path):
    path = tmp_path / 'v.mkv'
    noise = np.random.default_rng(0)
    with VideoWriter(path) as writer:
        for _ in range(20):
            writer.write(noise.integers(0, 256, (*SIZE, 3), np.uint8))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for _ in range(2):
        report = track(stream(xmem()), path, {0: prompts()[0]}, tmp_path / 'out', overlay=False)
        assert 0 < report.frames < 20
        assert report.frames == len(list((tmp_path / 'out/masks').iterdir()))
        assert 'v.mkv is cut off or damaged: it ends at' in report.damage
        assert f'The {report.frames} frames that can be decoded are used' in report.damage


class Camera:
    """Gives the frames of a video again and again, as a camera that never ends."""

    def __init__(self, source):
        assert source == 0
        self.frames, self.next = video(4), 0

    def isOpened(self):
        return True

    def get(self, what):
        return 30.0

    def read(self):
        frame = self.frames[self.next % 4]
        self.next += 1
        return True, frame[..., ::-1].copy()

    def release(self):
        pass


def test_a_camera_is_tracked_for_as_many_frames_as_asked_for_and_never_resumed(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, 'VideoCapture', Camera)
    source = FrameSource(0)
    assert (source.live, source.names, source.fps) == (True, None, 30)
    model = xmem()
    report = track(stream(model), source, {0: prompts()[0]}, tmp_path / 'out', state_every=1, max_frames=3)
    assert (report.frames, report.resumed_at) == (3, 0)
    found = [read_annotation(tmp_path / 'out' / 'masks' / f'{n:05d}.png', 'index') for n in range(3)]
    np.testing.assert_array_equal(found, [r.labels for r in propagate(stream(model), video(4)[:3], {0: prompts()[0]})])
    with pytest.raises(DataError, match='boxes for a camera are given in Python'):
        read_prompts(source, boxes=['1:0,0,9,9'])
    with pytest.raises(DataError, match=r'the frames \[-1\], but frames are counted from 0'):
        track(stream(model), source, {-1: prompts()[0]}, tmp_path / 'other')


KILLED = """
import functools, os, signal, sys
from salseg.apis import track_files, tracking
from salseg.cli.main import main
real = track_files.write_label_png
def counted(path, labels):
    real(path, labels)
    if path.stem == 'f9':
        os.kill(os.getpid(), signal.SIGKILL)
track_files.write_label_png = counted
tracking.track = functools.partial(tracking.track, state_every=2)
main(sys.argv[1:])
"""


def test_the_command_goes_on_after_it_was_killed(folder, tmp_path):
    config = Path(__file__).resolve().parents[2] / 'projects/xmem/configs/xmem_lite0_masks_davis17-240.py'
    write_label_png(tmp_path / 'first.png', (4 * square(0, 0)).astype(np.uint8))
    words = ['track', str(config), str(folder), '--mask', str(tmp_path / 'first.png'), '--random-weights']
    options = ['model.key_backbone.weights=None', 'model.value_backbone.weights=None', 'model.shorter_side=None']
    torch.manual_seed(0)
    torch.save(dict(state_dict=init_model(str(config), device='cpu', options=options).state_dict()), tmp_path / 'w.pth')
    words += ['--checkpoint', str(tmp_path / 'w.pth'), '--device', 'cpu', '--cfg-options', *options]
    cut, whole = [[*words[:5], '--out', str(tmp_path / name), *words[5:]] for name in ('cut', 'whole')]
    done = run_python(['-c', KILLED, *cut])
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    assert main(cut) == 0
    assert read_record(tmp_path / 'cut').result['resumed_at'] == 4
    assert main(whole) == 0
    np.testing.assert_array_equal(written(tmp_path / 'cut'), written(tmp_path / 'whole'))


def test_a_server_is_given_palette_pngs_of_the_frames_it_asks_for(tmp_path):
    from types import SimpleNamespace

    labels = (3 * square(0, 0)).astype(np.uint8)
    for frame, saved in (('00000', True), ('00001', False), ('00005', True)):
        sample = SalDataSample(metainfo=dict(set_id='v', frame_ids=[frame], saved=[saved]))
        sample.pred_labels = [labels]
        SaveLabelsHook().after_test_iter(SimpleNamespace(work_dir=str(tmp_path)), 0, None, [sample])
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob('*.png')) == [
        'labels/v/00000.png', 'labels/v/00005.png',
    ]  # fmt: skip
    with Image.open(tmp_path / 'labels/v/00000.png') as image:
        assert image.mode == 'P'
        np.testing.assert_array_equal(np.array(image), labels)


def test_probabilities_that_are_no_numbers_stop_the_video_with_the_frame(folder, tmp_path):
    model = xmem()
    whole, calls = model.step, []

    def broken(*words, **named):
        calls.append(0)
        found = whole(*words, **named)
        return found if len(calls) < 4 else type(found)(found.probability * float('nan'), found.object_ids)

    model.step = broken
    with pytest.raises(NotFinite, match=r'frames, frame 3: .* have diverged, or are damaged'):
        track(stream(model), folder, prompts(), tmp_path / 'out')
    assert sorted(path.stem for path in (tmp_path / 'out/masks').glob('*.png')) == ['f5', 'f6', 'f7']
