from pathlib import Path

import cv2
import numpy as np
import pytest

from salseg.apis import init_model
from salseg.apis.group_files import predict_groups
from salseg.apis.groups import GroupPredictor, notes_on
from salseg.apis.inputs import find_groups
from salseg.errors import CheckpointError, DataError

OPTIONS = {'model.backbone.weights': None}


@pytest.fixture(scope='module')
def predictor():
    options = OPTIONS | {'test_dataloader.dataset.pipeline': [
        dict(type='LoadFrames'), dict(type='LoadGroundTruth'), dict(type='Resize', size=64), dict(type='PackFrames'),
    ]}  # fmt: skip
    return GroupPredictor(init_model('dcfm-lite', device='cpu', options=options), random_weights=True)


def image(path, size=(30, 40), seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 255, (*size, 3), np.uint8))
    return path


def test_a_folder_is_a_group_and_a_folder_of_folders_many(tmp_path):
    for name in ('a b/1.jpg', 'a b/2.png', 'c/1.jpg'):
        image(tmp_path / name)
    (tmp_path / 'notes').mkdir()
    assert [(name, len(files)) for name, files in find_groups([tmp_path])] == [('a b', 2), ('c', 1)]
    assert [name for name, _ in find_groups([tmp_path / 'c', tmp_path / 'a b'])] == ['c', 'a b']


def test_images_that_are_named_one_by_one_or_by_a_pattern_are_one_group(tmp_path):
    files = [image(tmp_path / f'dogs/{name}') for name in ('2.png', '1.jpg')]
    assert find_groups(files) == [('dogs', [files[1], files[0]])]
    assert find_groups([tmp_path / 'dogs/*']) == find_groups(files)
    with pytest.raises(DataError, match='need names of their own'):
        find_groups([files[0], image(tmp_path / 'cats/2.png')])


def test_what_is_no_group_is_named(tmp_path):
    with pytest.raises(DataError, match='does not exist'):
        find_groups([tmp_path / 'nowhere'])
    with pytest.raises(DataError, match='holds no image'):
        find_groups([tmp_path])
    (tmp_path / 'x.txt').write_text('no image')
    with pytest.raises(DataError, match='is a file and no image'):
        find_groups([tmp_path / 'x.txt'])
    for parent in ('a', 'b'):
        image(tmp_path / parent / 'same' / '1.jpg')
    with pytest.raises(DataError, match="two groups are called 'same'"):
        find_groups([tmp_path / 'a', tmp_path / 'b'])


def test_maps_have_the_images_own_mixed_sizes_and_a_sheet_is_written(tmp_path, predictor):
    image(tmp_path / 'in/g/1.jpg', (30, 40), 1)
    image(tmp_path / 'in/g/2.png', (50, 20), 2)
    (result,) = predict_groups(predictor, [tmp_path / 'in/g'], tmp_path / 'out')
    assert result.count == 2
    assert cv2.imread(str(tmp_path / 'out/g/1.png'), cv2.IMREAD_UNCHANGED).shape == (30, 40)
    assert cv2.imread(str(tmp_path / 'out/g/2.png'), cv2.IMREAD_UNCHANGED).shape == (50, 20)
    assert (tmp_path / 'out/sheets/g.png').is_file()
    assert not result.notes


def test_an_unreadable_image_is_named_and_the_rest_goes_on(tmp_path, predictor):
    image(tmp_path / 'g/1.jpg', seed=1)
    image(tmp_path / 'g/3.jpg', seed=3)
    (tmp_path / 'g/2.jpg').write_bytes(b'no image')
    (result,) = predict_groups(predictor, [tmp_path / 'g'], tmp_path / 'out', sheets=False)
    assert [path.name for path in result.failed] == ['2.jpg']
    assert sorted(path.name for path in result.written) == ['1.png', '3.png']


def test_a_group_of_which_nothing_can_be_read_does_not_stop_the_others(tmp_path, predictor):
    (tmp_path / 'in/bad').mkdir(parents=True)
    (tmp_path / 'in/bad/1.jpg').write_bytes(b'no image')
    image(tmp_path / 'in/good/1.jpg')
    bad, good = predict_groups(predictor, [tmp_path / 'in'], tmp_path / 'out', sheets=False)
    assert bad.count == 0
    assert 'none of its 1 images' in bad.notes[0]
    assert len(good.written) == 1


def test_a_group_of_one_works_and_says_that_nothing_can_be_shared(tmp_path, predictor):
    image(tmp_path / 'g/1.jpg')
    (result,) = predict_groups(predictor, [tmp_path / 'g'], tmp_path / 'out', sheets=False)
    assert len(result.written) == 1
    assert 'nothing can be shared' in result.notes[0]


def test_the_same_image_twice_is_said(tmp_path):
    image = np.zeros((4, 4, 3), np.uint8)
    one, two, three = (tmp_path / f'{number}.jpg' for number in (1, 2, 3))
    notes = notes_on({one: image, two: image.copy(), three: image + 1}, 1)
    assert len(notes) == 1
    assert '2.jpg is the same image as 1.jpg' in notes[0]


def test_a_group_is_split_evenly_and_only_when_it_is_requested(predictor):
    assert predictor.parts(500) == [slice(0, 500)]
    limited = GroupPredictor(predictor.model, True, max_frames=4)
    sizes = [part.stop - part.start for part in limited.parts(9)]
    assert sum(sizes) == 9
    assert max(sizes) <= 4
    images = {Path(str(i)): np.full((1, 1, 3), i, np.uint8) for i in range(9)}
    assert 'split into 3' in notes_on(images, 3)[-1]
    with pytest.raises(DataError, match='max_frames=0'):
        GroupPredictor(predictor.model, True, max_frames=0)


def test_the_same_image_twice_is_predicted_twice_alike(tmp_path, predictor):
    for name in ('1.png', '2.png'):
        image(tmp_path / 'g' / name, seed=1)
    image(tmp_path / 'g/3.png', seed=2)
    (result,) = predict_groups(predictor, [tmp_path / 'g'], tmp_path / 'out', sheets=False)
    assert '2.png is the same image as 1.png' in result.notes[0]
    one, two = (cv2.imread(str(tmp_path / f'out/g/{name}.png'), cv2.IMREAD_UNCHANGED) for name in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_five_hundred_images_are_one_group_that_is_never_split_unasked(predictor, monkeypatch):
    monkeypatch.setattr(predictor.model, 'keep', 'all')
    images = [np.random.default_rng(seed).integers(0, 255, (16, 20, 3), np.uint8) for seed in range(500)]
    assert len(predictor.parts(len(images))) == 1
    found = predictor(images)
    assert [prediction.saliency.shape for prediction in found] == [(16, 20)] * 500


def test_wrong_input_is_refused(predictor, tmp_path):
    with pytest.raises(DataError, match='empty'):
        predictor([])
    with pytest.raises(DataError, match='float64'):
        predictor([np.zeros((4, 4, 3))])
    image(tmp_path / 'g/1.jpg')
    with pytest.raises(DataError, match='--save drawing'):
        predict_groups(predictor, [tmp_path / 'g'], tmp_path / 'out', save=('drawing',))


def test_a_model_without_weights_refuses(predictor):
    with pytest.raises(CheckpointError, match='noise'):
        GroupPredictor(predictor.model)


def test_companions_change_the_map_of_an_image(predictor):
    images = [np.random.default_rng(seed).integers(0, 255, (32, 32, 3), np.uint8) for seed in range(4)]
    alone, together = predictor(images[:1])[0].saliency, predictor(images)[0].saliency
    assert (alone != together).any()
