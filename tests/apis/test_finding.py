"""Objects found by a saliency model: looks at drawn videos, identities, and the command, killed and repeated."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.apis.test_track_videos import CONFIG, OPTIONS, weights
from tests.propagation.small import stream, xmem
from salseg.apis import FindRules, ObjectFinder, find_objects, init_model
from salseg.apis.finding import Sighting, choose_prompts, follow_looks
from salseg.apis.track_files import TrackFolder
from salseg.apis.looks import Look, Proposer, keep_common, take_looks, unpacked
from salseg.cli.main import main
from salseg.errors import ConfigError, DataError
from salseg.io.annotations import read_annotation
from salseg.io.images import write_png
from salseg.io.record import read_record
from salseg.io.videos import FrameSource
from salseg.visualization import write_label_png

GREY, RED, BLUE = (120, 130, 120), (230, 40, 30), (30, 60, 230)


class ByColour:
    """A tracker that knows an object by its colour."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.colours, self.steps = {}, 0

    def step(self, image, prompt=None):
        self.steps += 1
        for index, mask in zip(prompt.ids, prompt.masks) if prompt else ():
            self.colours[index] = np.median(image[mask.numpy()], 0)
        labels = np.zeros(image.shape[:2], np.uint8)
        for index, colour in self.colours.items():
            labels[(np.abs(image - colour).max(-1) < 30)] = index
        return SimpleNamespace(labels=labels)


def disc(image, x, y, colour, radius=11):
    rows, columns = np.indices(image.shape[:2])
    image[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] = colour


def write(folder, things, frames=9, size=(72, 96)):
    """A folder of frames; ``things`` gives for each frame (x, y, colour) of what is there."""
    for number in range(frames):
        image = np.full((*size, 3), GREY, np.uint8)
        for thing in things(number):
            disc(image, *thing)
        write_png(folder / f'{number:03d}.png', image)
    return FrameSource(folder)


def moving(number):
    return [(24 + 2 * number, 24, RED)]


def newcomer(number):
    return [*moving(number), *([(70, 52, BLUE)] if number >= 3 else [])]


@pytest.fixture(scope='module')
def demo():
    return init_model('salseg-demo', device='cpu')


def found_by(demo, source, **rules):
    rules = FindRules(every=2, **rules)
    looks = take_looks(Proposer(demo), source, rules)
    seen = follow_looks(*keep_common(looks, rules), ByColour(), source)
    return looks, seen, choose_prompts(seen, len(looks), rules)


def test_an_object_that_moves_is_one_object(demo, tmp_path):
    looks, seen, chosen = found_by(demo, write(tmp_path, moving))
    assert [look.number for look in looks] == [0, 2, 4, 6, 8]
    assert list(seen) == list(chosen) == [1]
    assert [sighting.look for sighting in seen[1]] == [0, 1, 2, 3, 4]
    assert seen[1][0].agreement is None
    assert all(0.3 < sighting.agreement <= 1 for sighting in seen[1][1:])


def test_a_newcomer_is_found_and_told_from_the_other(demo, tmp_path):
    looks, seen, chosen = found_by(demo, write(tmp_path, newcomer))
    assert list(chosen) == [1, 2]
    assert seen[1][0].look == 0
    assert looks[seen[2][0].look].number >= 3
    for index, colour in ((1, RED), (2, BLUE)):
        look = looks[chosen[index][0].look]
        mask = unpacked(chosen[index][0].bits, look.shape)
        image = np.full((72, 96, 3), GREY, np.uint8)
        for thing in newcomer(look.number):
            disc(image, *thing)
        truth = (image == colour).all(-1)
        assert (mask & truth).sum() / (mask | truth).sum() > 0.5


def packed(number, masks, vectors, salience):
    return Look(
        number, masks[0].shape, [np.packbits(mask) for mask in masks], torch.tensor(vectors), torch.zeros(2), salience
    )


def test_what_is_salient_in_the_first_frame_only_is_not_common():
    thing, glare = np.zeros((2, 13, 17), bool)
    thing[2:6, 2:6], glare[8:12, 8:12] = True, True
    looks = [
        packed(0, [glare, thing], [[0.0, 1.0], [1.0, 0.1]], [1.0, 0.6]),
        *(packed(5 * place, [thing], [[1.0, 0.0]], [0.6]) for place in range(1, 5)),
    ]
    common, votes = keep_common(looks, FindRules())
    assert [len(look.packed) for look in common] == [1] * 5
    assert (common[0].masks()[0] == thing).all()
    assert all(own[0] > 0.9 for own in votes)


def test_an_object_must_last(demo, tmp_path):
    def passing(number):
        return [*moving(number), *([(70, 52, BLUE)] if number < 3 else [])]

    _, seen, chosen = found_by(demo, write(tmp_path, passing), common=0.0, lasting=0.5)
    assert len(seen) == 2
    assert len(chosen) == 1
    assert len(chosen[1]) == 1


def test_an_object_must_not_be_much_weaker_than_the_strongest():
    def seen(first, area):
        return [Sighting(look, np.zeros(1, np.uint8), 0.8, area, 0.5) for look in range(first, 6)]

    objects = {1: seen(0, 0.10), 2: seen(0, 0.03), 3: seen(3, 0.05)}
    chosen = choose_prompts(objects, 6, FindRules(prompts=3))
    assert [sightings[0].look for sightings in chosen.values()] == [0, 3]
    assert [len(sightings) for sightings in chosen.values()] == [3, 3]
    assert list(choose_prompts(objects, 6, FindRules(mass=0.0))) == [1, 2, 3]
    assert len(choose_prompts(objects, 6, FindRules(most=1))) == 1
    assert choose_prompts({}, 6, FindRules()) == {}


def test_looks_are_bounded(demo, tmp_path, monkeypatch):
    monkeypatch.setattr('salseg.apis.looks.MOST_LOOKS', 3)
    source = write(tmp_path, moving)
    assert [look.number for look in take_looks(Proposer(demo), source, FindRules(every=1))] == [0, 4, 8]
    again = [take_looks(Proposer(demo), source, FindRules(every=2), max_frames=4) for _ in range(2)]
    assert [look.number for look in again[0]] == [0, 2]
    for one, other in zip(*again):
        assert (one.masks() == other.masks()).all()
        assert torch.equal(one.vectors, other.vectors)


def test_bad_calls_say_what_to_do(demo, tmp_path):
    finder = ObjectFinder(stream(xmem()), demo, FindRules(threshold=0.999))
    with pytest.raises(DataError, match=r'no object was found in .*--find MODEL.*--box'):
        find_objects(finder, write(tmp_path, lambda number: []))
    with pytest.raises(DataError, match='--find-every 0; expected 1 or more'):
        FindRules(every=0)
    with pytest.raises(ConfigError, match='takes a saliency model of single images'):
        ObjectFinder(stream(xmem()), xmem(), random_weights=True)
    with pytest.raises(DataError, match='record the camera first'):
        find_objects(finder, _camera())


def _camera():
    source = FrameSource.__new__(FrameSource)
    source.live, source.source, source.names = True, 0, None
    return source


def test_the_command_finds_tracks_resumes_and_leaves_masks_to_edit(tmp_path, capsys, monkeypatch):
    write(tmp_path / 'video', moving, frames=5)
    weights(tmp_path / 'w.pth')
    start = ['track', str(CONFIG), str(tmp_path / 'video'), '--checkpoint', str(tmp_path / 'w.pth'), '--device', 'cpu']
    end = ['--no-overlay', '--cfg-options', *OPTIONS]
    out, again = tmp_path / 'out', tmp_path / 'again'
    find = [*start, '--out', str(out), '--find', '--find-every', '2']
    # Killed while it tracks: the objects are not looked for again.
    with monkeypatch.context() as patch:
        patch.setattr(TrackFolder, 'write', _killed_at(2, TrackFolder.write))
        assert main([*find, *end]) == 130
    assert f'first masks in {out}/found' in capsys.readouterr().out
    with monkeypatch.context() as patch:
        patch.setattr('salseg.apis.finding.take_looks', None)
        assert main([*find, *end]) == 0
    record = read_record(out)
    assert record.settings['found']['every'] == 2
    assert record.settings['found']['weights'] != record.weights.fingerprint
    assert record.settings['backward']
    # The found masks given by hand have the same results.
    first = sorted((out / 'found').glob('*.png'))
    assert main([*start, '--out', str(again), '--mask', str(out / 'found'), '--backward', *end]) == 0
    masks = sorted(path.name for path in (out / 'masks').glob('*.png'))
    assert masks == [f'{number:03d}.png' for number in range(5)]
    for name in masks:
        assert (out / 'masks' / name).read_bytes() == (again / 'masks' / name).read_bytes()
    labels = read_annotation(first[0], 'index')
    assert (labels > 0).any()
    write_label_png(first[0], np.where(labels > 0, 0, 5).astype(np.uint8))
    capsys.readouterr()
    assert main([*find, *end]) == 2
    assert f'--mask {out}/found --backward' in capsys.readouterr().err
    assert main([*find, '--overwrite', *end]) == 0
    assert (read_annotation(first[0], 'index') == labels).all()
    assert main([*find, '--mask', 'm.png', *end]) == 2
    assert '--find gives the prompts: leave out --mask' in capsys.readouterr().err
    assert main([*start, '--out', str(out), '--find-every', '2', *end]) == 2


def _killed_at(count, write):
    calls = []

    def killed(*arguments):
        calls.append(arguments)
        if len(calls) > count:
            raise KeyboardInterrupt
        return write(*arguments)

    return killed


def test_several_videos_are_found_one_by_one_and_a_broken_one_is_named(tmp_path, capsys):
    write(tmp_path / 'videos/thing', moving, frames=3)
    (tmp_path / 'videos/void.mp4').write_text('no video')
    weights(tmp_path / 'w.pth')
    words = ['track', str(CONFIG), str(tmp_path / 'videos'), '--checkpoint', str(tmp_path / 'w.pth'), '--device', 'cpu']
    words += ['--out', str(tmp_path / 'out'), '--find', '--no-overlay', '--cfg-options', *OPTIONS]
    assert main(words) == 1
    said = capsys.readouterr().out
    assert '1 of 2 videos tracked' in said
    assert 'void: ' in said
    assert len(list((tmp_path / 'out/thing/masks').glob('*.png'))) == 3
    assert list((tmp_path / 'out/thing/found').glob('*.png'))
    assert not (tmp_path / 'out/void').exists()
