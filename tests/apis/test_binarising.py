"""Masks from maps, and maps and masks from folder to folder."""

import numpy as np
import pytest

from salseg.apis import GroupPredictor, SaliencyPredictor, binarise, predict_files, predict_groups, predict_video
from salseg.apis import ClipPredictor
from salseg.cli import main
from salseg.errors import DataError
from salseg.evaluation.evaluate import evaluate_folders
from salseg.evaluation.folders import prediction_tree
from salseg.evaluation.functional import saliency_scores
from salseg.evaluation.protocols import plain
from salseg.io.annotations import read_map
from salseg.io.images import write_png
from tests.apis.brightness import brightness_model, photos
from tests.evaluation.trees import blob, noisy, save_grey


def test_a_threshold_is_reached_by_what_equals_it():
    found = binarise(np.array([[0, 50, 51, 255]], np.uint8), threshold=0.2)
    assert found.tolist() == [[0, 0, 255, 255]]


def test_the_adaptive_mask_is_the_one_that_adaptive_f_counts():
    truth = blob(1)
    saliency = noisy(truth, 1)
    # Unstretched, as the mask is made; of a mask every threshold gives the same F.
    wanted = saliency_scores(saliency, truth, normalize=False, metrics=('f',))['adaptive_f']
    mask = binarise(saliency, 'adaptive')
    assert set(np.unique(mask)) == {0, 255}
    assert saliency_scores(mask, truth, normalize=False, metrics=('f',))['f_curve'].max() == pytest.approx(wanted)


def test_an_empty_map_has_no_object():
    for how in ('threshold', 'adaptive'):
        assert not binarise(np.zeros((4, 5), np.uint8), how).any()


def test_the_crf_follows_the_image():
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, 8:] = 255
    saliency = np.where(image[..., 0] > 0, 180, 70).astype(np.uint8)
    saliency[4, 12] = 90
    found = binarise(saliency, 'crf', image=image)
    np.testing.assert_array_equal(found, image[..., 0])
    with pytest.raises(DataError, match='needs the image of the map, 16x16; found none'):
        binarise(saliency, 'crf')


@pytest.mark.parametrize('threshold', [0, -1, 1.1, float('nan')])
def test_a_threshold_that_decides_nothing_is_refused(threshold):
    with pytest.raises(DataError, match='above 0, 1 at most'):
        binarise(np.zeros((2, 2), np.uint8), threshold=threshold)


def truths(folder, names, seed=0):
    for number, name in enumerate(names):
        save_grey(folder / f'{name}.png', blob(seed + number, 48, 64))


def same_size_photos(folder, count):
    photos(folder, count)
    return sorted(path.stem for path in folder.iterdir())


def scores(folder, truth, protocol):
    return plain(evaluate_folders({'m': folder}, truth, protocol).results[0].metrics)


@pytest.mark.parametrize('save', [('mask',), ('mask', 'overlay', 'report')])
def test_images_are_scored_in_the_folder_that_predict_wrote_whatever_else_was_saved(tmp_path, save):
    names = same_size_photos(tmp_path / 'in', 3)
    predict_files(SaliencyPredictor(brightness_model('image')), [tmp_path / 'in'], tmp_path / 'out', save)
    maps = tmp_path / 'out' if save == ('mask',) else tmp_path / 'out/mask'
    for name in names:
        write_png(tmp_path / f'gt/{name}.png', binarise(read_map(maps / f'{name}.png')))
        write_png(tmp_path / f'alone/{name}.png', read_map(maps / f'{name}.png'))
    assert scores(tmp_path / 'out', tmp_path / 'gt', 'sod') == pytest.approx(
        scores(tmp_path / 'alone', tmp_path / 'gt', 'sod'), nan_ok=True
    )


def test_groups_are_scored_in_the_folder_that_predict_wrote_sheets_and_all(tmp_path):
    for group in ('cats', 'mask'):
        photos(tmp_path / f'in/{group}', 2)
    predict_groups(GroupPredictor(brightness_model('group')), [tmp_path / 'in'], tmp_path / 'out')
    names = set(prediction_tree(tmp_path / 'out').files)
    assert names == {'cats/000', 'cats/001', 'mask/000', 'mask/001'}, 'a group may be called mask'


def test_videos_are_found_by_their_names_and_overlays_are_no_predictions(tmp_path):
    predictor = ClipPredictor(brightness_model('clip'))
    for video in ('a', 'b'):
        photos(tmp_path / f'in/{video}', 4)
        predict_video(predictor, tmp_path / f'in/{video}', tmp_path / f'out/{video}', ('mask', 'overlay'))
    assert set(prediction_tree(tmp_path / 'out').files) == {f'{v}/{n:03d}' for v in 'ab' for n in range(4)}
    assert set(prediction_tree(tmp_path / 'out/a').files) == {f'{n:03d}' for n in range(4)}


def test_a_folder_that_predict_did_not_write_is_taken_as_it_is(tmp_path):
    truths(tmp_path / 'maps', ['mask/1', 'overlay/2'])
    assert set(prediction_tree(tmp_path / 'maps').files) == {'mask/1', 'overlay/2'}


def test_predicted_videos_are_binarised_and_scored_folder_to_folder(tmp_path, capsys):
    predictor = ClipPredictor(brightness_model('clip'))
    for number, video in enumerate(('a', 'b')):
        photos(tmp_path / f'in/{video}', 4)
        predict_video(predictor, tmp_path / f'in/{video}', tmp_path / f'maps/{video}')
        for name in range(4):
            shape = read_map(tmp_path / f'maps/{video}/mask/{name:03d}.png').shape
            save_grey(tmp_path / f'gt/{video}/{name:03d}.png', blob(number + name, *shape))
    assert (
        main(['evaluate', str(tmp_path / 'maps'), str(tmp_path / 'gt'), '--protocol', 'vsod', '--processes', '1']) == 0
    )
    assert main(['binarise', str(tmp_path / 'maps'), '--out', str(tmp_path / 'masks'), '--threshold', '0.4']) == 0
    assert '8 masks written' in capsys.readouterr().out
    assert (
        main(['evaluate', str(tmp_path / 'masks'), str(tmp_path / 'gt'), '--protocol', 'davis16', '--processes', '1'])
        == 0
    )
    for mask in (tmp_path / 'masks').rglob('*.png'):
        saliency = read_map(tmp_path / 'maps' / mask.parent.name / 'mask' / mask.name)
        np.testing.assert_array_equal(read_map(mask), np.where(saliency >= 102, 255, 0))
    assert main(['binarise', str(tmp_path / 'maps'), '--out', str(tmp_path / 'crf'), '--how', 'crf']) == 2
    assert 'name the folder of the images with --images' in capsys.readouterr().err
    assert main(['binarise', str(tmp_path / 'masks'), '--out', str(tmp_path / 'masks')]) == 2
    assert 'is the folder of the maps' in capsys.readouterr().err
