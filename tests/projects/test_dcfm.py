from tests.needs import needs_project

needs_project('dcfm')


import numpy as np
import pytest
import torch

from projects.dcfm.backbone import CentredLite0, unit_contrast
from projects.dcfm.weights import convert, official_to_salseg, salseg_to_official
from projects.dcfm.transforms import PillowResize, RandomRotation, RandomScaleCrop, rotated, scale_cropped, scaled_sides
from salseg.engine.config import load_config
from salseg.errors import CheckpointError, ConfigError
from salseg.models.backbones import EfficientNetLite0
from salseg.registry import MODELS
from salseg.structures import FrameGeometry


def network():
    config = load_config('dcfm', {'model.backbone.weights': None})
    return MODELS.build(config.model)


def test_every_entry_of_ours_has_an_official_name_and_back():
    for name in network().state_dict():
        assert official_to_salseg(salseg_to_official(name)) == name


def official():
    state = {salseg_to_official(name): value for name, value in network().state_dict().items()}
    return state | {'backbone.classifier.0.weight': torch.zeros(1), 'backbone.classifier.0.bias': torch.zeros(1)}


def test_the_converter_is_strict_and_names_what_it_drops():
    state = official()
    converted, dropped = convert(state)
    assert sorted(dropped) == ['backbone.classifier.0.bias', 'backbone.classifier.0.weight']
    network().load_state_dict(converted, strict=True)
    state['decoder.extra.weight'] = torch.zeros(1)
    with pytest.raises(CheckpointError, match=r'decoder\.extra\.weight'):
        convert(state)
    del state['decoder.extra.weight'], state['fusion.conv.bias']
    with pytest.raises(CheckpointError, match=r'1 of its 106 entries are missing \(fusion\.conv\.bias\)'):
        convert(state)
    with pytest.raises(KeyError, match='no entry'):
        official_to_salseg('decoder.extra.weight')


def test_only_what_the_released_recipe_trains_asks_for_gradients():
    learning = {salseg_to_official(name) for name, p in network().named_parameters() if p.requires_grad}
    assert {key.split('.')[0] for key in learning} == {'backbone', 'fusion', 'aug', 'decoder'}
    assert {key for key in learning if key.startswith('backbone')} == {
        'backbone.conv5.conv5_3.weight', 'backbone.conv5.conv5_3.bias'
    }  # fmt: skip


def test_the_short_side_is_scaled_and_the_other_rounded_down():
    assert scaled_sides((100, 150), 33) == (33, 49)
    assert scaled_sides((150, 100), 33) == (49, 33)


def test_a_window_beyond_the_image_is_black():
    image = np.full((10, 10, 3), 255, np.uint8)
    found = scale_cropped(image, 10, 0, 0, 20, 20)
    assert found[:9, :9].min() == 255
    assert found[11:].max() == 0


def test_a_quarter_turn_is_exact_and_counter_clockwise():
    image = np.arange(9, dtype=np.uint8).reshape(3, 3)
    np.testing.assert_array_equal(rotated(image, 90, nearest=True), np.rot90(image))


def results(seed=0):
    rng = np.random.default_rng(1)
    frames = [rng.integers(0, 255, (30, 40, 3), np.uint8) for _ in range(2)]
    labels = [(frame[..., 0] > 128).astype(np.uint8) for frame in frames]
    geometry = [FrameGeometry.whole(30, 40)] * 2
    return dict(frames=frames, labels=labels, geometry=geometry, rng=np.random.default_rng(seed))


@pytest.mark.parametrize('transform', [RandomScaleCrop(size=24, base=48), RandomRotation()])
def test_labels_follow_the_images_and_stay_labels(transform):
    given = results()
    # An image that is its own label shows whether both were moved alike.
    given['frames'] = [np.repeat(255 * label[..., None], 3, 2) for label in given['labels']]
    found = transform(given)
    for frame, label in zip(found['frames'], found['labels']):
        assert label.shape == frame.shape[:2]
        assert set(np.unique(label)) <= {0, 1}
        agree = ((frame[..., 0] > 127) == (label == 1)).mean()
        assert agree > 0.75


def test_draws_depend_on_the_items_generator_only():
    first, second, other = (RandomScaleCrop(24, 48)(results(seed))['frames'][0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_frames_can_be_resized_as_pillow_does():
    found = PillowResize(16)(results())
    assert found['frames'][0].shape == (16, 16, 3)
    assert found['geometry'][0].size == (16, 16)


def test_bad_arguments_are_named():
    with pytest.raises(ConfigError, match='size=0'):
        RandomScaleCrop(size=0)
    with pytest.raises(ConfigError, match='degrees=-1'):
        RandomRotation(-1)


def test_features_are_centred_in_each_image_and_of_one_length():
    features = 3 + torch.randn(2, 8, 4, 5, generator=torch.Generator().manual_seed(0))
    found = unit_contrast(features)
    torch.testing.assert_close(found.square().mean(1), torch.ones(2, 4, 5))
    # Whatever all positions of an image have in common is gone, and so is contrast.
    torch.testing.assert_close(unit_contrast(5 * features + 7), found)
    torch.testing.assert_close(unit_contrast(features[:1]), found[:1], msg='companions do not matter')
    assert unit_contrast(torch.ones(1, 8, 2, 2)).abs().max() == 0


def test_only_the_coarsest_map_is_changed():
    torch.manual_seed(0)
    centred = CentredLite0(out_indices=(1, 3)).eval()
    plain = EfficientNetLite0(out_indices=(1, 3)).eval()
    plain.load_state_dict(centred.state_dict())
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        (fine, coarse), (same, raw) = centred(images), plain(images)
    torch.testing.assert_close(fine, same)
    torch.testing.assert_close(coarse, unit_contrast(raw))


def test_the_small_model_protects_its_features():
    model = MODELS.build(load_config('dcfm-lite', {'model.backbone.weights': None}).model).train()
    learning = {name.split('.')[0] for name, p in model.named_parameters() if p.requires_grad}
    assert learning == {'matcher', 'neck', 'head'}
    assert not any(m.training for m in model.backbone.modules() if isinstance(m, torch.nn.BatchNorm2d))
