import numpy as np
import pytest
import torch
from PIL import Image

from salseg.apis import ClipPredictor, GroupPredictor, SaliencyPredictor, init_model, predict
from salseg.apis.inputs import find_images
from salseg.apis.image_files import predict_files
from salseg.engine.train import train
from salseg.errors import CheckpointError, DataError
from tests.apis.brightness import brightness_model, photos, save
from tests.apis.brightness import photo as small_photo


def photo(seed=0, size=(40, 56)):
    return small_photo(seed, size)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    from tests.tiny import write_tiny_config

    folder = tmp_path_factory.mktemp('trained')
    train(str(write_tiny_config(folder / 'tiny.py')), work_dir=str(folder / 'run'))
    return folder / 'run'


def test_a_runs_folder_is_a_model(trained):
    model = init_model(str(trained))
    assert model.weights_source.endswith('iter_4.pth')
    assert not model.training


def test_maps_have_the_images_own_sizes(trained):
    maps = predict(str(trained), [photo(), photo(1, (33, 21))])
    assert [m.shape for m in maps] == [(40, 56), (33, 21)]
    assert maps[0].dtype == np.uint8


def test_a_batch_of_mixed_sizes_gives_what_single_images_give(trained):
    predictor = SaliencyPredictor(init_model(str(trained)))
    images = [photo(), photo(1, (33, 21)), photo(2, (64, 64))]
    together = predictor(images)
    for image, prediction in zip(images, together):
        difference = np.abs(predictor([image])[0].saliency.astype(int) - prediction.saliency.astype(int))
        assert difference.max() <= 1


def test_a_model_without_weights_refuses_to_predict_unless_told_to(tiny_config):
    model = init_model(str(tiny_config))
    with pytest.raises(CheckpointError, match=r'no trained weights(.|\n)*--random-weights'):
        SaliencyPredictor(model)
    assert SaliencyPredictor(model, random_weights=True)([photo()])[0].saliency.shape == (40, 56)


def test_a_checkpoint_of_another_model_is_refused(trained, tiny_config):
    with pytest.raises(CheckpointError, match=r'does not fit this SaliencySegmentor(.|\n)*other shapes'):
        init_model(
            str(tiny_config), str(trained / 'iter_4.pth'), options={'model.neck.width': 4, 'model.head.in_channels': 4}
        )


def test_files_folders_and_patterns_are_understood_and_keep_their_places(tmp_path):
    save(tmp_path / 'in/a.jpg', photo())
    save(tmp_path / 'in/sub/b.png', photo())
    save(tmp_path / 'c.png', photo())
    names = [str(name) for _, name in find_images([str(tmp_path / 'in'), str(tmp_path / 'c.png')])]
    assert names == ['a', 'sub/b', 'c']
    assert [str(name) for _, name in find_images([str(tmp_path / 'in/*.jpg')])] == ['a']


def test_two_images_of_one_name_and_missing_inputs_are_refused(tmp_path):
    first, second = save(tmp_path / 'x/a.jpg', photo()), save(tmp_path / 'y/a.png', photo())
    with pytest.raises(DataError, match='would both be written as a'):
        find_images([str(first), str(second)])
    with pytest.raises(DataError, match='no file, no folder, and no pattern'):
        find_images([str(tmp_path / 'none.jpg')])
    (tmp_path / 'empty').mkdir()
    with pytest.raises(DataError, match='holds no image'):
        find_images([str(tmp_path / 'empty')])


def test_one_unreadable_image_is_named_and_the_rest_goes_on(trained, tmp_path):
    save(tmp_path / 'in/a.jpg', photo())
    (tmp_path / 'in/b.jpg').write_bytes(b'broken')
    save(tmp_path / 'in/c.jpg', photo(1))
    predictor = SaliencyPredictor(init_model(str(trained)))
    seen = []
    report = predict_files(
        predictor,
        [str(tmp_path / 'in')],
        tmp_path / 'out',
        ('mask', 'overlay', 'cutout'),
        progress=lambda *x: seen.append(x),
    )
    assert sorted(p.name for p in (tmp_path / 'out/mask').iterdir()) == ['a.png', 'c.png']
    assert (report.images, report.files, report.kept) == (2, 6, 0)
    assert [p.name for p in report.failed] == ['b.jpg']
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert Image.open(tmp_path / 'out/cutout/a.png').mode == 'RGBA'
    assert np.array_equal(
        np.asarray(Image.open(tmp_path / 'out/mask/a.png')), predictor([photo_read(tmp_path)])[0].saliency
    )


def photo_read(tmp_path):
    from salseg.io.images import read_image

    return read_image(tmp_path / 'in/a.jpg')


def test_a_file_where_the_folder_should_be_is_named(trained, tmp_path):
    save(tmp_path / 'a.jpg', photo())
    (tmp_path / 'out').write_text('x')
    with pytest.raises(DataError, match='out is a file; expected a folder'):
        predict_files(SaliencyPredictor(init_model(str(trained))), [str(tmp_path / 'a.jpg')], tmp_path / 'out')


def test_an_array_that_is_no_image_is_refused(trained):
    predictor = SaliencyPredictor(init_model(str(trained)))
    with pytest.raises(DataError, match=r'expected uint8 \(height, width, 3\)'):
        predictor([np.zeros((4, 4), np.uint8)])


def test_prediction_needs_no_gradient_memory(trained):
    predictor = SaliencyPredictor(init_model(str(trained)))
    assert torch.is_grad_enabled()
    predictor([photo()])
    assert all(p.grad is None for p in predictor.model.parameters())


def test_files_folders_arrays_pil_images_and_generators_give_the_same(tmp_path):
    model = brightness_model()
    paths = photos(tmp_path / 'in', 4)
    arrays = [np.asarray(Image.open(path)) for path in paths]
    wanted = [SaliencyPredictor(model)([array])[0].saliency for array in arrays]
    given = [
        arrays, paths, [str(path) for path in paths], [Image.open(path) for path in paths],
        [tmp_path / 'in'], str(tmp_path / 'in/*.png'), (array for array in arrays), [paths[0], arrays[1], *paths[2:]],
    ]  # fmt: skip
    for images in given:
        np.testing.assert_array_equal(list(predict(model, images)), wanted)
    assert isinstance(predict(model, paths[0]), list)
    grey = Image.fromarray(arrays[0]).convert('L')
    assert predict(model, grey)[0].shape == arrays[0].shape[:2]


def test_an_iterator_is_read_a_few_ahead():
    taken = []

    def endless():
        while True:
            taken.append(None)
            yield photo(len(taken))

    found = predict(brightness_model(), endless())
    for _ in range(10):
        next(found)
    found.close()
    assert 10 <= len(taken) <= 14


def test_batches_of_a_stream_give_what_single_images_give():
    predictor = SaliencyPredictor(brightness_model())
    images = [photo(seed) for seed in range(7)]
    single = [p.saliency for p in predictor.stream(images)]
    np.testing.assert_array_equal([p.saliency for p in predictor.stream(iter(images), batch_size=3)], single)


def test_groups_and_clips_are_taken_whole():
    images = [photo(seed) for seed in range(6)]
    group = GroupPredictor(brightness_model('group'))(images)
    np.testing.assert_array_equal(predict(brightness_model('group'), images), [p.saliency for p in group])
    clip = ClipPredictor(brightness_model('clip'))((str(n), image) for n, image in enumerate(images))
    np.testing.assert_array_equal(predict(brightness_model('clip'), images), [p.saliency for p in clip])


@pytest.mark.parametrize('wrong', [3, np.zeros((4, 4)), np.zeros((4, 4, 3))])
def test_what_is_no_image_is_named(wrong):
    with pytest.raises(DataError, match='expected'):
        predict(brightness_model(), [wrong])
