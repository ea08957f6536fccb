import pytest
import torch
from mmengine.dataset import pseudo_collate

from salseg.datasets import SyntheticImages
from salseg.engine.config import load_config
from salseg.errors import ConfigError, DataError, MissingOutput
from salseg.models import SalDataPreprocessor
from salseg.models.segmentors import GroupSegmentor, PropagationSegmentor, SaliencySegmentor
from salseg.registry import MODELS
from salseg.structures import FrameInputs


def build(tiny_config, **options):
    config = load_config(str(tiny_config), options)
    torch.manual_seed(0)
    return config, MODELS.build(config.model)


def collated(config, count=2):
    dataset = SyntheticImages(4, size=48, pipeline=config.train_dataloader.dataset.pipeline)
    return pseudo_collate([dataset[i] for i in range(count)])


@pytest.mark.core()
def test_a_training_step_gives_the_named_terms_and_moves_every_part(tiny_config):
    config, model = build(tiny_config)
    data = model.data_preprocessor(collated(config), True)
    terms = model(**data, mode='loss')
    assert 'loss_pce_logits_3_foreground' in terms
    assert 'loss_ssc' in terms
    sum(terms.values()).backward()
    assert all(p.grad is not None for p in model.parameters())


def test_prediction_gives_a_map_of_the_images_own_size_in_zero_to_one(tiny_config):
    config, model = build(tiny_config)
    samples = model.eval().test_step(collated(config))
    for sample in samples:
        (saliency,) = sample.pred_maps
        assert saliency.shape == (48, 48)
        assert 0 <= saliency.min() <= saliency.max() <= 1


def test_what_the_last_postprocessing_step_returns_is_the_prediction(tiny_config):
    config, model = build(tiny_config)

    def copied(sample):
        other = sample.clone()
        other.pred_maps = [1 - value for value in sample.pred_maps]
        return other

    data = collated(config)
    plain = [sample.pred_maps[0].clone() for sample in model.eval().test_step(data)]
    model.postprocess = dict(copied=copied)
    for sample, value in zip(model.test_step(data), plain, strict=True):
        assert torch.equal(sample.pred_maps[0], 1 - value)


def test_a_loss_that_reads_what_nothing_gives_fails_when_the_model_is_built(tiny_config):
    with pytest.raises(MissingOutput, match=r'losses.ssc(.|\n)*logits_rescaled'):
        build(tiny_config, **{'model.extra_passes.rescaled': None})


def test_a_loss_switched_off_equals_weight_zero(tiny_config):
    def step(**options):
        config, model = build(tiny_config, **options)
        terms = model(**model.data_preprocessor(collated(config), True), mode='loss')
        sum(terms.values()).backward()
        return [p.grad for p in model.parameters()]

    off, zero = step(**{'model.losses.lsc': None}), step(**{'model.losses.lsc.weight': 0})
    assert all(torch.equal(a, b) for a, b in zip(off, zero))
    plain = step()
    assert not all(torch.equal(a, b) for a, b in zip(off, plain))


def test_norm_eval_freezes_statistics_but_not_the_affine_parameters(tiny_config):
    config, model = build(tiny_config, **{'model.norm_eval': True})
    model.train()
    before = model.backbone.bn1.running_mean.clone()
    sum(model(**model.data_preprocessor(collated(config), True), mode='loss').values()).backward()
    assert torch.equal(before, model.backbone.bn1.running_mean)
    assert model.backbone.bn1.weight.grad.abs().sum() > 0


def test_an_unknown_mode_is_refused(tiny_config):
    _, model = build(tiny_config)
    with pytest.raises(ConfigError, match="'tensor', 'loss' or 'predict'"):
        model(FrameInputs(torch.zeros(1, 1, 3, 32, 32)), mode='train')


def test_sets_of_different_numbers_of_frames_are_never_padded(tiny_config):
    config, _ = build(tiny_config)
    data = collated(config)
    data['inputs'][1] = data['inputs'][1].repeat(2, 1, 1, 1)
    with pytest.raises(DataError, match='different numbers of frames'):
        SalDataPreprocessor()(data)


def test_statistics_of_a_data_set_come_before_the_default(tiny_config):
    config, _ = build(tiny_config)
    data = collated(config, 2)
    data['data_samples'][0].set_metainfo(dict(pixel_mean=(10.0, 10.0, 10.0), pixel_std=(2.0, 2.0, 2.0)))
    frames = SalDataPreprocessor(mean=(0, 0, 0), std=(1, 1, 1))(data)['inputs'].frames
    torch.testing.assert_close(frames[0], (data['inputs'][0].float() - 10) / 2)
    torch.testing.assert_close(frames[1], data['inputs'][1].float())


def test_padding_to_a_divisor_is_recorded_and_undone(tiny_config):
    config, _ = build(tiny_config)
    data = SalDataPreprocessor(size_divisor=20)(collated(config), True)
    assert data['inputs'].frames.shape[-2:] == (40, 40)
    assert data['inputs'].padding[0, 0].sum() == 40 * 40 - 32 * 32
    record = data['data_samples'][0].geometry[0]
    assert record.undo(torch.ones(1, 40, 40)).shape == (1, 48, 48)


def test_the_class_gives_the_type_of_input_where_it_is_only_one_and_the_config_where_it_is_not(tiny_config):
    assert build(tiny_config)[1].input_type == 'image'
    untested = dict(val_dataloader=None, test_dataloader=None)
    assert build(tiny_config, **{'model.input_type': 'clip'}, **untested)[1].input_type == 'clip'
    assert GroupSegmentor.take_input_type(None) == 'group'
    assert PropagationSegmentor.take_input_type(None) == 'video'


def test_a_class_refuses_a_type_of_input_that_it_does_not_take():
    with pytest.raises(ConfigError, match="model.input_type='group': a SaliencySegmentor takes 'image' or 'clip'"):
        SaliencySegmentor(torch.nn.Identity(), torch.nn.Identity(), input_type='group')
    with pytest.raises(ConfigError, match="model.input_type='image': a GroupSegmentor takes 'group'"):
        GroupSegmentor.take_input_type('image')
