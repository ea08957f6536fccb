import cv2
import numpy as np
import pytest

from salseg.apis import optical_flow
from salseg.apis.optical_flow import precompute_flow
from salseg.cli.main import main
from salseg.datasets.flow import DISFlow, FlowFiles, FramePair
from salseg.io.images import read_image
from salseg.io.record import read_record
from salseg.errors import DataError
from tests.datasets.video_folders import write_video
from tests.records import timeless

SIZE = (48, 64)


def videos(root):
    for name in ('a', 'b'):
        write_video(root, name, frames=4, every=4, size=SIZE)
    return root


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob('*.flo'))}


def test_stored_flow_is_what_the_estimator_gives(tmp_path):
    root = videos(tmp_path / 'set')
    precompute_flow(root, tmp_path / 'flow')
    first, second = (read_image(root / f'JPEGImages/a/{stem}.png') for stem in ('00002', '00001'))
    pair = FramePair(first, second, 'set', 'a', '00002', '00001')
    np.testing.assert_array_equal(FlowFiles(str(tmp_path / 'flow'))(pair), DISFlow()(pair))
    assert len(list((tmp_path / 'flow').rglob('*.flo'))) == 2 * 3 * 2


def test_one_direction_gives_half_the_files(tmp_path):
    precompute_flow(videos(tmp_path / 'set'), tmp_path / 'flow', directions='forward')
    assert sorted(p.name for p in (tmp_path / 'flow/b').iterdir()) == [
        '00000_00001.flo', '00001_00002.flo', '00002_00003.flo'
    ]  # fmt: skip


def test_an_interrupted_run_goes_on_to_the_same_bytes(tmp_path, monkeypatch):
    root = videos(tmp_path / 'set')
    precompute_flow(root, tmp_path / 'whole')
    plain, calls = optical_flow.write_flow, []

    def dies(path, flow):
        calls.append(path)
        if len(calls) == 9:
            raise KeyboardInterrupt
        plain(path, flow)

    monkeypatch.setattr(optical_flow, 'write_flow', dies)
    with pytest.raises(KeyboardInterrupt):
        precompute_flow(root, tmp_path / 'cut')
    precompute_flow(root, tmp_path / 'cut')
    # The first video was complete and is not computed again.
    assert len(calls) == 9 + 6
    assert files(tmp_path / 'cut') == files(tmp_path / 'whole')
    assert timeless(tmp_path / 'cut') == timeless(tmp_path / 'whole')
    assert sum(p.is_file() for p in (tmp_path / 'cut').rglob('*')) == 2 * 3 * 2 + 1


def test_a_changed_image_is_computed_again(tmp_path):
    root = videos(tmp_path / 'set')
    record = precompute_flow(root, tmp_path / 'flow')
    before = read_record(record.parent).items
    path = root / 'JPEGImages/a/00003.png'
    cv2.imwrite(str(path), cv2.imread(str(path))[:, ::-1])
    precompute_flow(root, tmp_path / 'flow')
    after = read_record(record.parent).items
    assert {key for key in before if before[key] != after[key]} == {'a/00002_00003', 'a/00003_00002'}


def test_flow_of_another_estimator_is_not_mixed_in(tmp_path):
    root = videos(tmp_path / 'set')
    precompute_flow(root, tmp_path / 'flow')
    with pytest.raises(
        DataError, match=r"with other estimator:\n  estimator\.(.|\n)*type: 'DISFlow' there, 'FarnebackFlow' now"
    ):
        precompute_flow(root, tmp_path / 'flow', dict(type='FarnebackFlow'))


def test_the_command_says_how_to_read_it(tmp_path, capsys):
    root = videos(tmp_path / 'set')
    assert main(['precompute', 'flow', str(root), '--out', str(tmp_path / 'flow'), '--estimator', 'farneback']) == 0
    assert 'FlowFiles' in capsys.readouterr().out


def test_frames_of_two_sizes_are_named(tmp_path, capsys):
    root = videos(tmp_path / 'set')
    cv2.imwrite(str(root / 'JPEGImages/a/00001.png'), np.zeros((20, 20, 3), np.uint8))
    assert main(['precompute', 'flow', str(root), '--out', str(tmp_path / 'flow')]) != 0
    shown = capsys.readouterr()
    assert 'a / 00000 to 00001' in shown.out + shown.err
