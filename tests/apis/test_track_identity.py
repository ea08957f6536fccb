"""A repeated track: one thing is changed in between, and the result is the new one, or a refusal, never the old one."""

import os
import shutil

import cv2
import numpy as np
import pytest

from salseg.apis import track
from salseg.errors import DataError
from salseg.io.annotations import read_annotation
from salseg.propagation import Prompt
from tests.processes import run_python
from tests.propagation.small import square, stream, video, xmem


@pytest.fixture
def frames(tmp_path):
    root = tmp_path / 'frames'
    root.mkdir()
    for number, frame in enumerate(video(4)):
        cv2.imwrite(str(root / f'{number}.png'), frame[..., ::-1])
    return root


@pytest.fixture(scope='module')
def model():
    return xmem()


def call(model, frames, out, **options):
    prompts = {0: Prompt.from_masks({1: options.pop('mask', square(0, 0))})}
    return track(stream(model), frames, prompts, out, **options)


def masks(out):
    return [read_annotation(path, 'index') for path in sorted((out / 'masks').glob('*.png'))]


def swap(one, other):
    """Exchange two frames and keep their sizes in the listing: times are those of before."""
    times = {path: path.stat().st_mtime_ns for path in (one, other)}
    content = one.read_bytes(), other.read_bytes()
    for path, data in zip((other, one), content):
        path.write_bytes(data)
        os.utime(path, ns=(times[path], times[path]))


CHANGES = {
    'frames are exchanged': lambda frames, out: swap(frames / '1.png', frames / '2.png'),
    'a frame is added': lambda frames, out: shutil.copy(frames / '3.png', frames / '4.png'),
    'a frame is removed': lambda frames, out: (frames / '3.png').unlink(),
    'a mask is painted over': lambda frames, out: shutil.copy(out / 'masks/0.png', out / 'masks/2.png'),
    'a mask is emptied': lambda frames, out: (out / 'masks/2.png').write_bytes(b''),
}


@pytest.mark.parametrize('change', CHANGES.values(), ids=CHANGES)
def test_what_was_changed_is_refused_until_it_may_be_replaced(change, model, frames, tmp_path):
    out = tmp_path / 'out'
    call(model, frames, out)
    change(frames, out)
    with pytest.raises(DataError, match='--overwrite'):
        call(model, frames, out)
    call(model, frames, out, overwrite=True)
    call(model, frames, tmp_path / 'fresh')
    np.testing.assert_array_equal(masks(out), masks(tmp_path / 'fresh'))


@pytest.mark.parametrize('options', [dict(mask=square(24, 32)), dict(every=2), dict(lost_below=0.2)])
def test_another_prompt_or_setting_is_refused(options, model, frames, tmp_path):
    call(model, frames, tmp_path / 'out')
    with pytest.raises(DataError, match='holds results of another run'):
        call(model, frames, tmp_path / 'out', **options)


def test_other_weights_are_refused(model, frames, tmp_path):
    call(model, frames, tmp_path / 'out')
    other = xmem()
    next(other.parameters()).data += 0.5
    with pytest.raises(DataError, match='with other weights'):
        call(other, frames, tmp_path / 'out')


@pytest.mark.parametrize('name', ['masks/2.png', 'objects.csv', 'overlay.mp4'])
def test_what_is_removed_is_made_again(name, model, frames, tmp_path):
    out = tmp_path / 'out'
    call(model, frames, out)
    whole = {path.name: path.read_bytes() for path in out.rglob('*') if path.suffix in ('.png', '.csv')}
    (out / name).unlink()
    call(model, frames, out)
    assert (out / name).is_file()
    assert {path.name: path.read_bytes() for path in out.rglob('*') if path.suffix in ('.png', '.csv')} == whole


def test_an_overlay_that_is_not_the_one_written_is_made_again(model, frames, tmp_path):
    call(model, frames, tmp_path / 'out')
    (tmp_path / 'out/overlay.mp4').write_bytes(b'')
    call(model, frames, tmp_path / 'out')
    assert (tmp_path / 'out/overlay.mp4').stat().st_size


def test_a_stopped_call_whose_masks_are_gone_begins_anew(model, frames, tmp_path):
    class Stop(BaseException):
        pass

    def stop(done, total):
        if done == 3:
            raise Stop

    with pytest.raises(Stop):
        call(model, frames, tmp_path / 'out', state_every=1, progress=stop)
    (tmp_path / 'out/masks/0.png').unlink()
    assert call(model, frames, tmp_path / 'out', state_every=1).resumed_at == 0
    call(model, frames, tmp_path / 'fresh')
    np.testing.assert_array_equal(masks(tmp_path / 'out'), masks(tmp_path / 'fresh'))


def test_a_second_process_is_refused_while_the_first_one_writes(model, frames, tmp_path):
    code = (
        'import sys\nfrom salseg.io.files import owning\nfrom salseg.errors import DataError\n'
        'try:\n    with owning(sys.argv[1]): print("owned")\nexcept DataError as error: print(error)\n'
    )
    said = []

    def look(done, total):
        said.append(run_python(['-c', code, tmp_path / 'out']).stdout)

    call(model, frames, tmp_path / 'out', progress=look, max_frames=1)
    assert 'another process writes into' in said[0]
    assert 'owned' in run_python(['-c', code, tmp_path / 'out']).stdout
