"""Videos: frames in any order, prompts that stay, and tracks that are those of the command."""

import json
import threading
import zlib
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest

from salseg.apis import track
from salseg.apis.track_files import TrackFolder
from salseg.app.commands import Commands
from salseg.app.jobs import Jobs, progress
from salseg.app.workspace import Workspace
from salseg.cli.main import build_parser, main
from salseg.engine.config import load_config
from salseg.errors import DataError
from salseg.io.annotations import read_annotation
from salseg.io.images import write_png
from salseg.io.videos import FrameSource
from salseg.propagation import Prompt
from tests.app.browsing import browse_here
from tests.app.conftest import open_page, write_photo, write_run
from tests.needs import needs_project
from tests.projects.tiny_runs import make_tiny

WALK = 'video/walk'
SCRUB = "const scrub = document.getElementById('scrub'); scrub.value = arguments[0]; scrub.dispatchEvent(new Event('input'))"


def write_video(path, frames=6, size=(32, 48)):
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10, size[::-1])
    for number in range(frames):
        writer.write(np.full((*size, 3), 30 * number, np.uint8))
    writer.release()


def grey(client, video, number):
    answer = client.get('/api/frame', params={'video': video, 'number': number})
    assert answer.status_code == 200, answer.text
    return cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR).mean()


def put_boxes(client, video, boxes):
    version = client.get('/api/video', params={'video': video}).json()['prompts']['version']
    answer = client.post('/api/prompts', json=dict(video=video, boxes=boxes, version=version))
    assert answer.status_code == 200, answer.text


def layer(client, video, kind, number):
    answer = client.get('/api/layer', params=dict(video=video, kind=kind, number=number))
    assert answer.status_code == 200, answer.text
    return np.frombuffer(zlib.decompress(answer.content), np.uint8), answer.headers['x-version']


def put_layer(client, video, kind, number, codes, version=None):
    version = layer(client, video, kind, number)[1] if version is None else version
    return client.post(
        '/api/layer', params=dict(video=video, kind=kind, number=number), content=zlib.compress(codes.tobytes()),
        headers={'x-version': version},
    )  # fmt: skip


def test_frames_of_videos_in_any_order(tmp_path):
    write_video(tmp_path / 'clip.avi')
    for number in range(3):
        write_png(tmp_path / f'{WALK}/{number:05d}.png', np.full((20, 30, 3), 50 * number, np.uint8))
    client = open_page(tmp_path)
    assert client.get('/api/state').json()['videos'] == ['clip.avi', WALK]
    facts = client.get('/api/video?video=clip.avi').json()
    assert (facts['count'], facts['height'], facts['width']) == (6, 32, 48)
    for number in (4, 1, 2, 5, 0):
        assert grey(client, 'clip.avi', number) == pytest.approx(30 * number, abs=4)
    assert grey(client, WALK, 2) == pytest.approx(100, abs=3)
    for number in ('6', '-1', 'x', '9' * 30):
        assert client.get('/api/frame', params={'video': 'clip.avi', 'number': number}).status_code == 404
    assert grey(client, 'clip.avi', 5) == pytest.approx(150, abs=4)
    assert client.get('/api/frame', params={'video': WALK, 'number': 3}).status_code == 404
    assert client.get('/api/video?video=../clip.avi').status_code == 404


def test_a_video_that_is_replaced_or_removed_is_seen(tmp_path):
    write_video(tmp_path / 'clip.avi')
    write_png(tmp_path / f'{WALK}/0.png', np.full((20, 30, 3), 50, np.uint8))
    client = open_page(tmp_path)
    assert grey(client, 'clip.avi', 2) == pytest.approx(60, abs=4)
    assert grey(client, WALK, 0) == pytest.approx(50, abs=3)
    write_video(tmp_path / 'clip.avi', 3, (64, 80))
    write_png(tmp_path / f'{WALK}/0.png', np.full((20, 31, 3), 90, np.uint8))
    facts = client.get('/api/video?video=clip.avi').json()
    assert (facts['count'], facts['height'], facts['width']) == (3, 64, 80)
    assert client.get('/api/frame?video=clip.avi&number=3').status_code == 404
    assert grey(client, WALK, 0) == pytest.approx(90, abs=3)
    (tmp_path / 'clip.avi').write_bytes(b'')
    assert client.get('/api/video?video=clip.avi').status_code == 422
    (tmp_path / 'clip.avi').unlink()
    assert client.get('/api/frame?video=clip.avi&number=0').status_code == 404


def test_a_file_that_announces_no_frames_is_counted(tmp_path, monkeypatch):
    write_video(tmp_path / 'clip.avi')
    client = open_page(tmp_path)
    client.app.state.page.frames.source('clip.avi').announced = 0
    assert client.get('/api/video?video=clip.avi').json()['count'] == 6
    # And one that announces too many, as soon as its end was reached.
    client = open_page(tmp_path)
    client.app.state.page.frames.source('clip.avi').announced = 9
    assert client.get('/api/video?video=clip.avi').json()['count'] == 9
    assert client.get('/api/frame?video=clip.avi&number=8').status_code == 404
    assert client.get('/api/video?video=clip.avi').json()['count'] == 6


def made(path):
    return path.stat().st_mtime_ns if path.exists() else 0


def walk(folder, frames=5):
    for number in range(frames):
        write_photo(folder / WALK / f'{number:05d}.jpg', 48, 40)


def spot(code, rows=slice(10, 20), columns=slice(12, 24)):
    codes = np.zeros((40, 48), np.uint8)
    codes[rows, columns] = code
    return codes


def test_prompts_stay_and_another_tab_does_not_overwrite_them(tmp_path):
    walk(tmp_path)
    write_photo(tmp_path / 'walk/00000.jpg')
    write_video(tmp_path / 'walk.avi')
    client = open_page(tmp_path)
    boxes = [dict(frame=1, id=1, box=[1, 2, 3, 4])]
    put_boxes(client, WALK, boxes)
    sent = dict(video=WALK, boxes=[], version='none')
    answer = client.post('/api/prompts', json=sent)
    assert answer.status_code == 409
    assert 'another tab' in answer.json()['error']
    assert put_layer(client, WALK, 'scribbles', 3, spot(2)).status_code == 200
    assert put_layer(client, WALK, 'scribbles', 3, spot(1), 'none').status_code == 409
    assert put_layer(client, WALK, 'masks', 0, spot(7)).status_code == 200
    again = open_page(tmp_path)
    found = again.get(f'/api/video?video={WALK}').json()['prompts']
    assert found['boxes'] == boxes
    assert (found['scribbles'], found['masks']) == ({'3': [2]}, {'0': [7]})
    assert (layer(again, WALK, 'scribbles', 3)[0].reshape(40, 48) == spot(2)).all()
    # A video of the same name elsewhere has its own.
    assert again.get('/api/video?video=walk.avi').json()['prompts']['boxes'] == []
    assert put_layer(again, WALK, 'masks', 0, spot(0)).status_code == 200
    assert not list(tmp_path.glob(f'salseg_app/tracks/{WALK}/prompts/masks/*'))


def test_layers_that_do_not_fit_are_refused(tmp_path):
    walk(tmp_path)
    client = open_page(tmp_path)
    for kind, codes in (('masks', spot(255)), ('masks', spot(1)[:-1]), ('tracked', spot(1)), ('../x', spot(1))):
        answer = put_layer(client, WALK, kind, 0, codes, 'none')
        assert answer.status_code in (404, 422), kind
    assert client.get(f'/api/layer?video={WALK}&kind=masks&number=5').status_code == 404
    assert put_layer(client, WALK, 'masks', 2, spot(1)).status_code == 200
    for number in range(5):
        write_photo(tmp_path / WALK / f'{number:05d}.jpg', 60, 40)
    answer = client.get(f'/api/layer?video={WALK}&kind=masks&number=2')
    assert 'was replaced' in answer.json()['error']


def test_words_of_a_track(tmp_path):
    walk(tmp_path)
    client = open_page(tmp_path)
    commands = Commands(Workspace.open(tmp_path), models=['runs/xmem'])
    with pytest.raises(DataError, match='nothing to follow'):
        commands.track('runs/xmem', WALK, 5, {})
    put_boxes(client, WALK, [dict(frame=2, id=1, box=[1.25, 2, 30, 4]), dict(frame=0, id=2, box=[1, 2, 123456.75, 40])])
    assert put_layer(client, WALK, 'scribbles', 3, spot(255)).status_code == 200
    with pytest.raises(DataError, match='frame 3 has background scribbles only'):
        commands.track('runs/xmem', WALK, 5, {})
    codes = spot(255)
    codes[:5] = 3
    assert put_layer(client, WALK, 'scribbles', 3, codes).status_code == 200
    options = dict(backward=True, rle=True, alpha=False, states=True, overlay=False)
    first, again, other = (
        commands.track('runs/xmem', WALK, 5, chosen).words
        for chosen in (options, {**options, 'rle': False}, {**options, 'alpha': True})
    )
    parsed = build_parser().parse_args(first)
    assert parsed.box == ['2@1:1.25,2,30,4', '0@2:1,2,123456.75,40']
    assert parsed.source == str(tmp_path / WALK)
    assert parsed.scribble == f'{parsed.out}/prompts/scribbles'
    assert (parsed.scribble_encoding, parsed.mask) == ('index', None)
    assert (parsed.backward, parsed.rle, parsed.alpha, parsed.keep_states, parsed.no_overlay) == (1, 1, 0, 1, 1)
    # What differs in prompts and products alone is a correction.
    assert [('--correct' in words, '--overwrite' in words) for words in (first, again, other)] == [
        (0, 1),
        (1, 0),
        (0, 1),
    ]
    assert '--overwrite' in commands.track('runs/xmem', WALK, 5, {**options, 'alpha': True, 'anew': True}).words
    put_boxes(client, WALK, [dict(frame=0, id=1, box=[1, 2])])
    with pytest.raises(DataError, match='is no box'):
        commands.track('runs/xmem', WALK, 5, {})


@pytest.fixture(scope='module')
def tracker(tmp_path_factory):
    """A run of the tracker, as small as possible."""
    needs_project('xmem')
    config = make_tiny(load_config('xmem-lite'))
    config.test_dataloader = None
    return write_run(config, tmp_path_factory.mktemp('tracker') / 'run')


class Following:
    """A page whose jobs run here, at once."""

    def __init__(self, folder, tracker, monkeypatch):
        self.folder, self.tracker = folder, tracker
        self.client = open_page(folder, models=[tracker])
        self.jobs = []
        monkeypatch.setattr(Jobs, 'start', lambda page, job, anew=True: self.jobs.append(job))

    def follow(self, **options):
        sent = dict(kind='track', model=self.tracker, video=WALK, overlay=True, states=True, **options)
        answer = self.client.post('/api/start', json=sent)
        assert answer.status_code == 200, answer.text
        assert main(self.jobs[-1].words) == 0
        return self.jobs[-1]

    def equals(self, typed, *names):
        """Whether each file that the page gives is that of `salseg track` with these words."""
        out = self.folder.parent / f'typed-{len(self.jobs)}-{len(typed)}'
        words = ['track', self.tracker, str(self.folder / WALK), '--out', str(out), *typed]
        assert main(words) == 0
        facts = self.client.get(f'/api/video?video={WALK}').json()
        assert facts['masks'] == facts['names']
        for name in (*(f'masks/{name}.png' for name in facts['names']), *names):
            shown = self.client.get('/api/track-file', params={'video': WALK, 'file': name})
            assert shown.status_code == 200, name
            assert shown.content == (out / name).read_bytes(), name
        return facts


def test_tracks_corrections_and_exports_are_those_of_the_command(tmp_path, tracker, monkeypatch):
    folder = tmp_path / 'own'
    walk(folder)
    page = Following(folder, tracker, monkeypatch)
    client = page.client
    put_boxes(client, WALK, [dict(frame=0, id=1, box=[12, 10, 24, 20])])
    job = page.follow()
    assert (job.total, progress(job)['done']) == (5, 5)
    # Another object by scribbles, and a correction of the first by a painted mask.
    codes = spot(2, slice(12, 14))
    codes[30:32] = 255
    assert put_layer(client, WALK, 'scribbles', 2, codes).status_code == 200
    assert put_layer(client, WALK, 'masks', 3, spot(1, slice(11, 19))).status_code == 200
    kept = [folder / f'salseg_app/tracks/{WALK}/masks/0000{number}.png' for number in range(2)]
    before = [made(path) for path in kept]
    job = page.follow(rle=True)
    assert '--correct' in job.words
    assert before == [made(path) for path in kept]
    write_png(tmp_path / 'scribbles/00002.png', codes)
    write_png(tmp_path / 'masks/00003.png', spot(1, slice(11, 19)))
    given = [
        '--mask',
        str(tmp_path / 'masks'),
        '--scribble',
        str(tmp_path / 'scribbles'),
        '--scribble-encoding',
        'index',
    ]
    facts = page.equals(['--box', '1:12,10,24,20', *given, '--rle'], 'overlay.mp4', 'rle.json', 'objects.csv')
    assert facts['exports'] == ['overlay.mp4', 'track.json', 'objects.csv', 'rle.json']
    assert [entry['index'] for entry in facts['objects']] == [1, 2]
    tracked = layer(client, WALK, 'tracked', 4)[0].reshape(40, 48)
    assert (tracked == read_annotation(folder / f'salseg_app/tracks/{WALK}/masks/00004.png', 'index')).all()


def test_a_track_backwards_without_an_object_that_was_removed(tmp_path, tracker, monkeypatch):
    folder = tmp_path / 'own'
    walk(folder)
    page = Following(folder, tracker, monkeypatch)
    boxes = [dict(frame=3, id=1, box=[12, 10, 24, 20]), dict(frame=3, id=4, box=[30, 10, 44, 20])]
    put_boxes(page.client, WALK, boxes)
    page.follow(backward=True, alpha=True)
    put_boxes(page.client, WALK, boxes[:1])
    job = page.follow(backward=True, alpha=True)
    assert '--correct' in job.words
    matte = [f'matte/0000{number}.png' for number in range(5)]
    facts = page.equals(['--box', '3@1:12,10,24,20', '--backward', '--alpha'], 'overlay.mp4', 'alpha.mov', *matte)
    assert [entry['index'] for entry in facts['objects']] == [1]
    assert json.loads((folder / f'salseg_app/tracks/{WALK}/followed.json').read_text())['backward'] is True


def test_following_that_was_killed_is_resumed_and_ends_as_if_it_had_not_been(tmp_path, tracker, monkeypatch):
    folder = tmp_path / 'own'
    walk(folder)
    page = Following(folder, tracker, monkeypatch)
    put_boxes(page.client, WALK, [dict(frame=0, id=1, box=[12, 10, 24, 20])])
    write = TrackFolder.write

    def killed(self, number, *given):
        if number == 3:
            raise KeyboardInterrupt
        write(self, number, *given)

    with monkeypatch.context() as patch:
        patch.setattr(TrackFolder, 'write', killed)
        answer = page.client.post('/api/start', json=dict(kind='track', model=tracker, video=WALK, overlay=True))
        assert answer.status_code == 200, answer.text
        assert main(page.jobs[-1].words) == 130
    # The page that is opened again has the prompts and the masks so far; the same words resume.
    facts = open_page(folder, models=[tracker]).get(f'/api/video?video={WALK}').json()
    assert facts['masks'] == ['00000', '00001', '00002']
    assert len(facts['prompts']['boxes']) == 1
    assert main(page.jobs[-1].words) == 0
    page.equals(['--box', '1:12,10,24,20'], 'overlay.mp4', 'objects.csv')


def test_in_a_browser_a_box_is_followed_corrected_and_kept(browser, tmp_path, tracker):
    """30 frames; the correction at frame 15 is a painted mask of another object."""
    from selenium.webdriver.common.keys import Keys

    folder = tmp_path / 'own'
    walk(folder, 30)
    out, masks = folder / f'salseg_app/tracks/{WALK}', [f'masks/{number:05d}.png' for number in range(30)]
    with browse_here(browser, folder, tracker) as (page, jobs, _):
        page.browser.get(page.address)
        page.click('[data-tab=video]')
        page.one('[data-shown="0"]')
        page.press('r')
        page.drag((40, 48), (0.25, 0.25), (0.5, 0.5))
        page.until(lambda: page.text('.saved') == 'saved')
        page.click('#option-rle')
        page.click('#go')
        page.one('#stop')
        jobs.run()
        page.ended(f'following in {WALK}')
        page.until(lambda: page.text('#go') == 'Correct')
        before = [made(out / name) for name in masks]
        page.browser.execute_script(
            "const s = document.getElementById('scrub'); s.value = 15; s.dispatchEvent(new Event('input'));"
        )
        page.one('[data-shown="15"]')
        page.press('2')
        page.press('p')
        page.drag((40, 48), (0.2, 0.75), (0.7, 0.75))
        page.until(lambda: (out / 'prompts/masks/00015.png').exists())
        page.until(lambda: page.text('.saved') == 'saved')
        page.press('f')
        page.drag((40, 48), (0.3, 0.3), (0.4, 0.3))
        page.until(lambda: (out / 'prompts/scribbles/00015.png').exists())
        page.press(Keys.CONTROL, 'z')
        page.until(lambda: not (out / 'prompts/scribbles/00015.png').exists())
        page.until(lambda: page.text('.saved') == 'saved')
        page.click('#go')
        page.one('#stop')
        jobs.run()
        assert before[29] != made(out / masks[29])
        page.ended(f'following in {WALK}')
        page.until(lambda: {'overlay.mp4', 'rle.json'} <= {link.text for link in page.all('.files a')})
        log = [entry['message'] for entry in page.browser.get_log('browser') if entry['level'] == 'SEVERE']
        assert log == []
    assert [made(out / name) for name in masks[:15]] == before[:15]
    painted = read_annotation(out / 'prompts/masks/00015.png', 'index')
    assert set(np.unique(painted).tolist()) == {0, 2}
    write_png(tmp_path / 'typed/00015.png', painted)
    (prompt,) = json.loads((out / 'prompts.json').read_text())
    assert np.abs(np.array(prompt['box']) - [12, 10, 24, 20]).max() <= 1
    words = ['track', tracker, str(folder / WALK), '--out', str(tmp_path / 'tracks'), '--mask', str(tmp_path / 'typed')]
    assert main([*words, '--rle', '--box', '1:' + ','.join(map(str, prompt['box']))]) == 0
    for name in (*masks, 'overlay.mp4', 'rle.json', 'objects.csv'):
        assert (out / name).read_bytes() == (tmp_path / 'tracks' / name).read_bytes(), name


PLAY = """
const done = arguments[arguments.length - 1], video = document.createElement('video');
video.muted = true;
const canvas = document.createElement('canvas');
const frame = time => new Promise(resolve => {
  video.onseeked = () => {
    canvas.width = video.videoWidth, canvas.height = video.videoHeight;
    const pen = canvas.getContext('2d');
    pen.drawImage(video, 0, 0);
    resolve(Array.from(pen.getImageData(0, 0, canvas.width, canvas.height).data));
  };
  video.currentTime = time;
});
video.onerror = () => done(video.error.message);
video.onloadedmetadata = async () => {
  const frames = [];
  for (const time of arguments[0]) frames.push(await frame(time));
  done([video.videoWidth, video.videoHeight, video.duration, frames]);
};
// Seeking needs the whole file or a server that gives parts of it.
fetch('overlay.mp4').then(answer => answer.blob()).then(blob => video.src = URL.createObjectURL(blob));
"""


def test_a_browser_plays_the_overlay_of_a_track(browser, tmp_path):
    """Chromium decodes every frame that the command wrote, at its time."""
    pytest.importorskip('av', reason='without PyAV the overlay is not H.264')
    # Skips without the projects of the trackers.
    from tests.propagation.small import square, stream, video, xmem

    for number, image in enumerate(video(6)):
        write_png(tmp_path / f'walk/{number:02d}.png', image)
    report = track(stream(xmem()), tmp_path / 'walk', {0: Prompt.from_masks({1: square(0, 0)})}, tmp_path / 'out')
    frames = list(FrameSource(report.overlay).frames())
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / 'out')
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            browser.get(f'http://127.0.0.1:{server.server_port}/')
            played = browser.execute_async_script(PLAY, [(number + 0.5) / 25 for number in range(6)])
        finally:
            browser.get('about:blank')
            server.shutdown()
    assert not isinstance(played, str), played
    width, height, seconds, shown = played
    assert (width, height, round(seconds, 2)) == (*frames[0].shape[1::-1], 0.24)
    for number, pixels in enumerate(shown):
        image = np.array(pixels, np.uint8).reshape(height, width, 4)[..., :3]
        differences = [np.abs(image.astype(int) - other).mean() for other in frames]
        assert int(np.argmin(differences)) == number
        assert differences[number] < 4
