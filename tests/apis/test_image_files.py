"""Folders of images: whole, resumed, shared, watched."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from salseg.apis import SaliencyPredictor, predict_files, watch_files
from salseg.apis import image_files as module
from salseg.io.annotations import read_map
from salseg.errors import DataError
from tests.apis.brightness import brightness_model, contents, photo, photos, save


class Killed(BaseException):
    """As a signal would, it passes every handler of ordinary errors."""


def predictor(gain=1.0):
    return SaliencyPredictor(brightness_model(gain=gain))


def seen(made):
    return made.model.backbone.seen


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob('*.png')}


def test_a_finished_folder_is_not_computed_again(tmp_path):
    photos(tmp_path / 'in', 5)
    first, second = predictor(), predictor()
    report = predict_files(first, [tmp_path / 'in'], tmp_path / 'out')
    assert (report.images, report.files, report.kept) == (5, 5, 0)
    before = times(tmp_path / 'out')
    report = predict_files(second, [tmp_path / 'in'], tmp_path / 'out')
    assert (report.images, report.files, report.kept) == (0, 0, 5)
    assert (seen(first), seen(second)) == (5, 0)
    assert times(tmp_path / 'out') == before


@pytest.mark.parametrize('batch_size', [1, 3])
def test_a_killed_run_goes_on_nothing_missing_and_nothing_twice(tmp_path, batch_size):
    photos(tmp_path / 'in', 12)
    predict_files(predictor(), [tmp_path / 'in'], tmp_path / 'whole', batch_size=batch_size)

    def kill(done, total):
        assert total == 12
        if done == 4:
            raise Killed

    with pytest.raises(Killed):
        predict_files(predictor(), [tmp_path / 'in'], tmp_path / 'cut', batch_size=batch_size, progress=kill)
    there = times(tmp_path / 'cut')
    assert 4 <= len(there) < 12
    # What a kill -9 leaves of the file that was being written.
    (tmp_path / 'cut/.005.png.4242.tmp').write_bytes(b'half')
    again = predictor()
    report = predict_files(again, [tmp_path / 'in'], tmp_path / 'cut', batch_size=batch_size)
    assert report.kept == len(there)
    assert seen(again) == report.images == 12 - len(there)
    assert contents(tmp_path / 'cut') == contents(tmp_path / 'whole')
    assert there.items() <= times(tmp_path / 'cut').items()


def test_a_result_that_is_cut_off_or_older_than_its_image_is_made_again(tmp_path):
    paths = photos(tmp_path / 'in', 4)
    predict_files(predictor(), [tmp_path / 'in'], tmp_path / 'out')
    cut = tmp_path / 'out/000.png'
    cut.write_bytes(cut.read_bytes()[:-9])
    # Another image in the place of the first, with an older time, as a copy that keeps times makes it.
    other = save(tmp_path / 'other.png', photo(99))
    os.utime(other, (1, 1))
    os.replace(other, paths[1])
    # As a loss of power may leave it.
    (tmp_path / 'out/002.png').write_bytes(b'')
    report = predict_files(predictor(), [tmp_path / 'in'], tmp_path / 'out')
    assert (report.images, report.kept) == (3, 1)
    np.testing.assert_array_equal(read_map(tmp_path / 'out/001.png'), predictor()([photo(99)])[0].saliency)


def test_results_of_another_model_are_refused_and_replaced_when_that_is_requested(tmp_path):
    photos(tmp_path / 'in', 6)
    predict_files(predictor(), [tmp_path / 'in'], tmp_path / 'out')
    words = r'other weights:\n  weights: \w+ \(gain 1.0\) there, \w+ \(gain 2.0\) now(.|\n)*--overwrite'
    with pytest.raises(DataError, match=words):
        predict_files(predictor(2.0), [tmp_path / 'in'], tmp_path / 'out')

    def kill(done, total):
        if done == 2:
            raise Killed

    with pytest.raises(Killed):
        predict_files(predictor(2.0), [tmp_path / 'in'], tmp_path / 'out', overwrite=True, progress=kill)
    # The interrupted replacement continues, from wherever writing was by then: no map of the first model is left.
    report = predict_files(predictor(2.0), [tmp_path / 'in'], tmp_path / 'out')
    assert report.kept >= 2
    assert report.kept + report.images == 6
    predict_files(predictor(2.0), [tmp_path / 'in'], tmp_path / 'fresh')
    assert contents(tmp_path / 'out') == contents(tmp_path / 'fresh')


def test_files_that_salseg_did_not_write_are_not_replaced_unasked(tmp_path):
    photos(tmp_path / 'in', 2)
    drawn = save(tmp_path / 'out/001.png', photo(7))
    with pytest.raises(DataError, match=r'001\.png exists, and no run\.json'):
        predict_files(predictor(), [tmp_path / 'in'], tmp_path / 'out')
    assert np.array_equal(np.asarray(Image.open(drawn)), photo(7))
    assert predict_files(predictor(), [tmp_path / 'in'], tmp_path / 'out', overwrite=True).images == 2


def test_images_are_never_written_over_and_results_are_never_taken_for_images(tmp_path):
    photos(tmp_path / 'in', 2)
    with pytest.raises(DataError, match='is the folder of the images'):
        predict_files(predictor(), [tmp_path / 'in'], tmp_path / 'in')
    (masks, *_) = photos(tmp_path / 'own', 1)
    with pytest.raises(DataError, match='would take its place'):
        predict_files(predictor(), [masks], tmp_path / 'own', overwrite=True)
    for _ in range(2):
        predict_files(predictor(), [tmp_path / 'in'], tmp_path / 'in/maps')
    assert sorted(p.name for p in (tmp_path / 'in/maps').rglob('*.*')) == ['000.png', '001.png', 'run.json']


def test_shards_are_disjoint_and_together_what_one_process_writes(tmp_path):
    photos(tmp_path / 'in', 7)
    whole = predict_files(predictor(), [tmp_path / 'in'], tmp_path / 'whole')
    parts = [predict_files(predictor(), [tmp_path / 'in'], tmp_path / 'out', shard=(k, 3)) for k in range(3)]
    assert [part.images for part in parts] == [3, 2, 2]
    assert whole.images == 7
    assert contents(tmp_path / 'out') == contents(tmp_path / 'whole')
    with pytest.raises(DataError, match='--overwrite with --shard'):
        predict_files(predictor(), [tmp_path / 'in'], tmp_path / 'out', shard=(0, 2), overwrite=True)
    with pytest.raises(DataError, match='--save report with --shard'):
        predict_files(predictor(), [tmp_path / 'in'], tmp_path / 'r', ('mask', 'report'), shard=(0, 2))


def test_a_failure_of_the_writing_thread_surfaces(tmp_path, monkeypatch):
    photos(tmp_path / 'in', 30)
    made = predictor()

    def full(path, image, durable):
        raise DataError('no space left')

    monkeypatch.setattr('salseg.apis.results.write_png', full)
    with pytest.raises(DataError, match='no space left'):
        predict_files(made, [tmp_path / 'in'], tmp_path / 'out')
    assert seen(made) < 15, 'it stops soon after'


def test_one_page_shows_all_images_and_asks_for_nothing_from_outside(tmp_path):
    photos(tmp_path / 'in', 3)
    (tmp_path / 'in/x.jpg').write_bytes(b'broken')
    report = predict_files(predictor(), [tmp_path / 'in'], tmp_path / 'out', ('report',))
    page = report.page.read_text()
    assert page.count('<figure>') == page.count('data:image/jpeg;base64,') == 3
    assert '3 of 4 images' in page
    assert 'http' not in page
    assert '<script' not in page
    assert sorted(contents(tmp_path / 'out')) == ['000.png', '001.png', '002.png']


def test_single_images_make_no_video(tmp_path):
    photos(tmp_path / 'in', 1)
    with pytest.raises(DataError, match='single images make no video'):
        predict_files(predictor(), [tmp_path / 'in'], tmp_path / 'out', ('mask', 'video'))


def test_a_watched_folder_gives_a_map_for_each_file_once_it_is_whole(tmp_path):
    folder = tmp_path / 'in'
    folder.mkdir()
    data = save(tmp_path / 'late.png', photo(3)).read_bytes()
    made, rounds, steps = predictor(), [], iter(range(100))

    def step(seconds):
        number = next(steps)
        if number == 0:
            photos(folder, 1)
        elif number in (1, 2, 3):
            # Grows from look to look, and has the head of an image from the first.
            (folder / 'late.png').write_bytes(data[: len(data) * number // 3])
        elif number == 5:
            (folder / 'broken.jpg').write_bytes(b'no image')
        elif number == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch_files(made, [folder], tmp_path / 'out', seen=rounds.append, sleep=step)
    assert sorted(contents(tmp_path / 'out')) == ['000.png', 'late.png']
    assert [(r.images, [p.name for p in r.failed]) for r in rounds] == [(1, []), (1, []), (0, ['broken.jpg'])]
    assert seen(made) == 2


def test_a_file_that_stops_half_way_is_tried_again_when_it_has_grown(tmp_path):
    data = save(tmp_path / 'late.jpg', photo(3)).read_bytes()
    (tmp_path / 'in').mkdir()
    rounds, steps = [], iter(range(100))

    def step(seconds):
        number = next(steps)
        if number == 0:
            (tmp_path / 'in/late.jpg').write_bytes(data[:-20])
        elif number == 4:
            (tmp_path / 'in/late.jpg').write_bytes(data)
        elif number == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch_files(predictor(), [tmp_path / 'in'], tmp_path / 'out', seen=rounds.append, sleep=step)
    assert [(r.images, len(r.failed)) for r in rounds] == [(0, 1), (1, 0)]


def test_progress_counts_what_lies_on_disk(tmp_path):
    photos(tmp_path / 'in', 9)
    there = []
    predict_files(
        predictor(), [tmp_path / 'in'], tmp_path / 'out',
        progress=lambda done, total: there.append((done, total, len(list((tmp_path / 'out').rglob('*.png'))))),
    )  # fmt: skip
    assert [entry[:2] for entry in there] == [(n, 9) for n in range(1, 10)]
    assert all(files >= done for done, _, files in there)


def test_the_page_is_limited(tmp_path, monkeypatch):
    photos(tmp_path / 'in', 4)
    monkeypatch.setattr(module, 'PAGE_IMAGES', 2)
    report = predict_files(predictor(), [tmp_path / 'in'], tmp_path / 'out', ('report',))
    assert '2 of 4 images' in Path(report.page).read_text()
