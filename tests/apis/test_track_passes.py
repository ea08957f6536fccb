"""Backwards, corrections, permanent frames, every n-th frame, and what is written beside the masks."""

import csv
import json

import av
import cv2
import numpy as np
import pytest

from tests.propagation.small import MODELS, SIZE, npmca, square, stream, video, xmem
from salseg.apis import track
from salseg.errors import ConfigError, DataError
from salseg.io.annotations import read_annotation
from salseg.io.video_writing import VideoWriter
from salseg.io.videos import FrameSource
from salseg.propagation import MergedPropagator, Prompt, build_propagator, propagate

both = pytest.mark.parametrize('make', MODELS.values(), ids=MODELS)
FIRST, SECOND = Prompt.from_masks({7: square(0, 0)}), Prompt.from_masks({3: square(24, 32)})
AGAIN = Prompt.from_masks({7: square(24, 8)})


def frames_in(root, frames):
    root.mkdir()
    for number, frame in enumerate(frames):
        cv2.imwrite(str(root / f'f{number:02d}.png'), frame[..., ::-1])
    return root


@pytest.fixture
def folder(tmp_path):
    return frames_in(tmp_path / 'frames', video(8))


def run(model, source, prompts, out, **options):
    return track(stream(model), source, prompts, out, **{'overlay': False, **options})


def masks(out):
    return {path.stem: read_annotation(path, 'index') for path in sorted((out / 'masks').glob('*.png'))}


@both
def test_backwards_is_the_reversed_video_forwards(make, folder, tmp_path):
    model = make()
    report = run(model, folder, {5: FIRST}, tmp_path / 'out', backward=True)
    turned = frames_in(tmp_path / 'turned', video(8)[::-1])
    run(model, turned, {2: FIRST}, tmp_path / 'reversed')
    run(model, folder, {5: FIRST}, tmp_path / 'forward')
    found, against, along = (list(masks(tmp_path / name).values()) for name in ('out', 'reversed', 'forward'))
    np.testing.assert_array_equal(found[:6], against[2:][::-1])
    np.testing.assert_array_equal(found[5:], along[5:])
    assert any(labels.any() for labels in found[:5])
    assert not any(labels.any() for labels in along[:5])
    assert (report.frames, report.objects[0].frames, report.objects[0].first) == (8, 8, 5)


@both
def test_each_object_is_answered_backwards_from_its_own_first_prompt(make, folder, tmp_path):
    model = make()
    run(model, folder, {2: FIRST, 5: SECOND}, tmp_path / 'out', backward=True)
    turned = [r.labels for r in propagate(stream(model), video(8)[5::-1], {0: SECOND, 3: FIRST})][::-1]
    along = [r.labels for r in propagate(stream(model), video(8)[2:], {0: FIRST, 3: SECOND})]
    found = list(masks(tmp_path / 'out').values())
    np.testing.assert_array_equal(found[:2], turned[:2])
    np.testing.assert_array_equal(found[5:], along[3:])
    for number in (2, 3, 4):
        forward = along[number - 2]
        expected = np.where((forward == 0) & (turned[number] == 3), 3, forward)
        np.testing.assert_array_equal(found[number], expected)


class Killed(BaseException):
    """As a signal would, it passes every handler of ordinary errors."""


@pytest.mark.parametrize('at', [2, 5, 8, 11])
def test_a_killed_call_of_two_passes_is_resumed_in_either(folder, tmp_path, at):
    model, prompts = xmem(), {2: FIRST, 5: SECOND}
    options = dict(backward=True, state_every=2, overlay=True, alpha=True)
    whole = run(model, folder, prompts, tmp_path / 'whole', **options)

    def kill(done, total):
        assert total == 6 + 6
        if done == at:
            raise Killed

    with pytest.raises(Killed):
        run(model, folder, prompts, tmp_path / 'cut', progress=kill, **options)
    report = run(model, folder, prompts, tmp_path / 'cut', **options)
    assert report.objects == whole.objects
    for kind in ('masks', 'matte'):
        for path in (tmp_path / 'whole' / kind).iterdir():
            assert (tmp_path / 'cut' / kind / path.name).read_bytes() == path.read_bytes(), path
    assert sum(1 for _ in FrameSource(report.overlay).frames()) == 8


def test_a_video_file_is_played_backwards_in_pieces(folder, tmp_path, monkeypatch):
    with VideoWriter(tmp_path / 'v.mkv') as writer:
        for frame in video(8):
            writer.write(frame)
    monkeypatch.setattr('salseg.io.videos.BACKWARD_BYTES', 3 * video(1)[0].nbytes)
    source = FrameSource(tmp_path / 'v.mkv')
    pairs = list(source.numbered_backward(6))
    assert [number for number, _ in pairs] == [6, 5, 4, 3, 2, 1, 0]
    np.testing.assert_array_equal([frame for _, frame in pairs], video(8)[6::-1])
    assert [n for n, _ in source.numbered_backward(6, lambda n: n % 3 == 0)] == [6, 3, 0]
    for given in (source, FrameSource(folder)):
        with pytest.raises(DataError, match='has no frame 8'):
            list(given.numbered_backward(8))


@both
@pytest.mark.parametrize('keep', [False, True])
def test_a_correction_changes_nothing_before_it_and_equals_a_call_that_knew_it(make, folder, tmp_path, keep):
    model, out = make(), tmp_path / 'out'
    options = dict(state_every=2, keep_states=keep, rle=True)
    run(model, folder, {0: FIRST}, out, **options)
    before = masks(out)
    stamps = {path.stem: path.stat().st_mtime_ns for path in (out / 'masks').iterdir()}
    with pytest.raises(DataError, match=r'prompts\.5'):
        run(model, folder, {0: FIRST, 5: AGAIN}, out, **options)
    report = run(model, folder, {0: FIRST, 5: AGAIN}, out, correct=True, **options)
    whole = run(model, folder, {0: FIRST, 5: AGAIN}, tmp_path / 'whole', **options)
    after = masks(out)
    assert report.resumed_at == (4 if keep else 0)
    assert report.objects == whole.objects
    assert (out / 'objects.csv').read_text() == (tmp_path / 'whole/objects.csv').read_text()
    assert (out / 'rle.json').read_text() == (tmp_path / 'whole/rle.json').read_text()
    for name, labels in masks(tmp_path / 'whole').items():
        np.testing.assert_array_equal(after[name], labels)
        same = (out / f'masks/{name}.png').stat().st_mtime_ns == stamps[name]
        assert same == (name < 'f05')
    assert any((after[name] != before[name]).any() for name in before)


def test_a_correction_of_other_options_is_refused_and_one_below_a_backward_pass_begins_anew(folder, tmp_path):
    model, out = xmem(), tmp_path / 'out'
    run(model, folder, {4: FIRST}, out, backward=True)
    with pytest.raises(DataError, match='every: 1 there, 2 now'):
        run(model, folder, {4: FIRST}, out, backward=True, every=2, correct=True)
    with pytest.raises(DataError, match='one of them'):
        run(model, folder, {4: FIRST}, out, correct=True, overwrite=True)
    run(model, folder, {2: AGAIN, 4: FIRST}, out, backward=True, correct=True)
    run(model, folder, {2: AGAIN, 4: FIRST}, tmp_path / 'whole', backward=True)
    for name, labels in masks(tmp_path / 'whole').items():
        np.testing.assert_array_equal(masks(out)[name], labels)


@pytest.mark.parametrize(
    'change',
    [dict(backward=True), dict(permanent=[3]), dict(every=2), dict(alpha=True), dict(lost_below=0.9)],
    ids=lambda change: next(iter(change)),
)
def test_a_call_with_another_option_is_refused(folder, tmp_path, change):
    model = xmem()
    run(model, folder, {2: FIRST}, tmp_path / 'out')
    name = next(iter(change)).replace('_', ' ')
    with pytest.raises(DataError, match=rf'another run, with other {name}:\n  {name}: .* there, .* now'):
        run(model, folder, {2: FIRST}, tmp_path / 'out', **change)


def test_another_scale_or_mirroring_is_refused(folder, tmp_path):
    model = xmem()
    run(model, folder, {0: FIRST}, tmp_path / 'out')
    for change in (dict(scales=(0.8,)), dict(flip=True)):
        with pytest.raises(DataError, match='another run'):
            track(build_propagator(model, True, **change), folder, {0: FIRST}, tmp_path / 'out')


def test_scales_and_flip_are_runs_of_the_same_propagator():
    merged = build_propagator(xmem(), True, scales=(0.75, 1), flip=True)
    assert isinstance(merged, MergedPropagator)
    assert [(run.scale, run.flip) for run in merged.runs] == [(0.75, False), (0.75, True), (1, False), (1, True)]
    assert merged.step(video(1)[0], FIRST).probability.shape == (2, *SIZE)
    assert [run.state.hidden.shape[-1] for run in merged.runs] == [3, 3, 4, 4]
    for scales in ((), (1, 1), (0,)):
        with pytest.raises(ConfigError):
            build_propagator(xmem(), True, scales=scales)


def test_every_nth_frame_is_written_and_frames_with_prompts(folder, tmp_path):
    report = run(xmem(), folder, {0: FIRST, 5: AGAIN}, tmp_path / 'out', every=3, overlay=True, backward=True)
    assert list(masks(tmp_path / 'out')) == ['f00', 'f03', 'f05', 'f06']
    assert report.frames == report.objects[0].frames == 4
    assert sum(1 for _ in FrameSource(report.overlay).frames()) == 4
    expected = [r.labels for r in propagate(stream(xmem()), video(8)[[0, 3, 5, 6]], {0: FIRST, 2: AGAIN})]
    np.testing.assert_array_equal(list(masks(tmp_path / 'out').values()), expected)


def test_permanent_frames_change_what_follows_and_only_some_models_have_them(folder, tmp_path):
    model = xmem(memory=dict(mem_every=9))
    run(model, folder, {0: FIRST}, tmp_path / 'plain')
    run(model, folder, {0: FIRST}, tmp_path / 'out', permanent=[3])
    plain, found = masks(tmp_path / 'plain'), masks(tmp_path / 'out')
    assert [name for name in plain if (plain[name] != found[name]).any()][:1] in (['f04'], ['f05'])
    with pytest.raises(ConfigError, match='NPMCANet cannot keep a frame'):
        run(npmca(), folder, {0: FIRST}, tmp_path / 'npmca', permanent=[3])
    with pytest.raises(ConfigError, match='XMem cannot keep a frame'):
        run(xmem(memory=dict(released=True)), folder, {0: FIRST}, tmp_path / 'released', permanent=[3])
    with pytest.raises(DataError, match='before the first prompt'):
        run(model, folder, {4: FIRST}, tmp_path / 'early', permanent=[3])
    with pytest.raises(DataError, match=r'permanent are to be the frames \[9\]'):
        run(model, folder, {4: FIRST}, tmp_path / 'late', permanent=[9])


def test_confidence_area_and_lost_frames_are_reported(folder, tmp_path):
    model = xmem()
    results = list(propagate(stream(model), video(8), {2: FIRST}))
    sure = [float(r.probability[1][r.labels == 7].mean()) if (r.labels == 7).any() else 0.0 for r in results[2:]]
    limit = float(np.median(sure))
    report = run(model, folder, {2: FIRST}, tmp_path / 'out', lost_below=limit)
    (found,) = report.objects
    lost = [n for n, (r, p) in enumerate(zip(results[2:], sure), 2) if not (r.labels == 7).any() or p < limit]
    assert [n for a, b in found.lost for n in range(a, b + 1)] == lost
    assert 0 < len(lost) < 6
    areas = [int((r.labels == 7).sum()) for r in results[2:]]
    assert found.area == pytest.approx(np.mean(areas), abs=0.06)
    assert found.confidence == pytest.approx(np.mean([p for p in sure if p]), abs=1e-3)
    rows = list(csv.DictReader((tmp_path / 'out/objects.csv').open()))
    assert [(int(r['frame']), r['name'], int(r['area'])) for r in rows] == [
        (n + 2, f'f{n + 2:02d}', a) for n, a in enumerate(areas)
    ]
    np.testing.assert_allclose([float(row['confidence']) for row in rows], sure, atol=1e-4)
    assert json.loads((tmp_path / 'out/track.json').read_text())['objects'][0]['lost'] == found.lost


def test_other_programs_read_what_is_written(folder, tmp_path):
    coco = pytest.importorskip('pycocotools.coco', reason='pycocotools is not installed')
    out = tmp_path / 'out'
    report = run(xmem(), folder, {0: FIRST, 2: SECOND}, out, overlay=True, rle=True, alpha=True)
    labels = masks(out)
    # OpenCV.
    capture = cv2.VideoCapture(report.overlay)
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 8
    assert capture.read()[1].shape == (*SIZE, 3)
    with av.open(report.overlay) as container:
        assert (container.streams.video[0].codec_context.name, container.streams.video[0].pix_fmt) == (
            'h264',
            'yuv420p',
        )
    np.testing.assert_array_equal(cv2.imread(str(out / 'matte/f00.png'), cv2.IMREAD_UNCHANGED) > 127, labels['f00'] > 0)
    # pycocotools.
    read = coco.COCO(report.rle)
    assert len(read.getImgIds()) == 8
    for image in read.loadImgs(read.getImgIds()):
        found = np.zeros(SIZE, np.uint8)
        for one in read.loadAnns(read.getAnnIds(imgIds=image['id'])):
            mask = read.annToMask(one).astype(bool)
            found[mask] = one['category_id']
            assert (one['area'], 0 < one['score'] <= 1) == (mask.sum(), True)
        np.testing.assert_array_equal(found, labels[image['file_name'][:-4]])
    # FFmpeg, through PyAV.
    with av.open(report.alpha) as container:
        assert container.streams.video[0].codec_context.name == 'prores'
        frames = [frame.to_ndarray(format='rgba') for frame in container.decode(video=0)]
    assert len(frames) == 8
    for (name, _), frame in zip(labels.items(), frames):
        matte = cv2.imread(str(out / f'matte/{name}.png'), cv2.IMREAD_UNCHANGED)
        assert np.abs(frame[..., 3].astype(int) - matte).max() <= 1


def test_without_pyav_alpha_is_a_sequence_of_rgba(folder, tmp_path, monkeypatch):
    monkeypatch.setattr('salseg.apis.track_files.can_write_alpha', lambda: False)
    report = run(xmem(), folder, {0: FIRST}, tmp_path / 'out', alpha=True, max_frames=2)
    found = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in sorted((tmp_path / 'out/alpha').iterdir())]
    assert report.alpha == str(tmp_path / 'out/alpha')
    np.testing.assert_array_equal([image[..., 2::-1] for image in found], video(8)[:2])
    np.testing.assert_array_equal(found[0][..., 3] > 127, square(0, 0))


def test_files_that_were_not_asked_for_are_made_later_without_tracking(folder, tmp_path):
    run(xmem(), folder, {0: FIRST}, tmp_path / 'out')
    stamp = (tmp_path / 'out/masks/f07.png').stat().st_mtime_ns
    report = run(xmem(), folder, {0: FIRST}, tmp_path / 'out', overlay=True, rle=True)
    assert sum(1 for _ in FrameSource(report.overlay).frames()) == 8
    assert len(json.loads((tmp_path / 'out/rle.json').read_text())['images']) == 8
    assert (tmp_path / 'out/masks/f07.png').stat().st_mtime_ns == stamp
