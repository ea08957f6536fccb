from tests.needs import needs_project

needs_project('contrastive_vsod')


import pytest
import torch

from projects.contrastive_vsod import ContrastiveAttention, GradualUpsamplingHead
from salseg.errors import ConfigError, MissingOutput
from salseg.models import SaliencySegmentor
from salseg.models.backbones import Encoder, ResNet
from salseg.models.necks import ASPP
from salseg.structures import FrameInputs, FrameTargets


def network(losses=None, **attention):
    encoder = Encoder(ResNet(18, out_indices=(0, 1, 4), output_stride=8), ASPP(512, 16, rates=(1, 2)))
    matcher = ContrastiveAttention(16, 64, **attention)
    head = GradualUpsamplingHead((64, 64, matcher.out_channels))
    return SaliencySegmentor(encoder, head, matcher=matcher, losses=losses)


def clip(frames=3, size=49):
    generator = torch.Generator().manual_seed(0)
    return FrameInputs(torch.randn(1, frames, 3, size, size, generator=generator))


def test_outputs_have_the_sizes_of_the_contract():
    outputs = network().eval().run(clip())[1]
    assert outputs['logits'].shape == (1, 3, 1, 49, 49)
    assert outputs['embedding'].shape == (1, 3, 48, 7, 7)
    for name in ('gate_self', 'gate_co'):
        assert outputs[name].shape == (1, 3, 1, 7, 7)
        assert outputs[name].min() >= 0
        assert outputs[name].max() <= 1


def test_frames_do_not_meet_in_the_network():
    # Untrained features are large and their cubes in self-attention larger: float64 keeps rounding out of this.
    model, frames = network().eval().double(), clip().frames.double()
    together = model.run(FrameInputs(frames))[1]['logits'].detach()
    alone = model.run(FrameInputs(frames[:, 1:2]))[1]['logits'].detach()
    torch.testing.assert_close(together[:, 1:2], alone)


@pytest.mark.parametrize(
    ('options', 'channels'),
    [
        (dict(self_attention=False, co_attention=False), 16),
        (dict(co_attention=False), 32),
        (dict(self_attention=False), 32),
        (dict(), 48),
    ],
)
def test_rows_of_the_ablation_join_what_they_have(options, channels):
    model = network(**options).eval()
    assert model.matcher.out_channels == channels
    assert model.run(clip())[1]['embedding'].shape[2] == channels


def test_the_contrastive_loss_reaches_encoder_and_both_attentions():
    model = network(dict(contrast=dict(type='ContrastiveLoss')))
    inputs = clip(size=64)
    labels = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    labels[..., 16:48, 8:40] = 1
    features, outputs = model.run(inputs)
    terms = model.loss_from(inputs, features, outputs, FrameTargets(inputs=inputs.frames, labels=labels))
    terms['loss_contrast'].backward()
    reached = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    attentions = {'matcher.co_attention.bilinear', 'matcher.self_attention.generate.weight'}
    assert {'backbone.backbone.conv1.weight', *attentions} <= reached
    assert 'head.predict.weight' not in reached


def test_the_loss_of_an_absent_embedding_is_refused_when_the_model_is_built():
    encoder = Encoder(ResNet(18, out_indices=(0, 1, 4), output_stride=8), ASPP(512, 16, rates=(1, 2)))
    losses = dict(contrast=dict(type='ContrastiveLoss'))
    with pytest.raises(MissingOutput, match='embedding'):
        SaliencySegmentor(encoder, GradualUpsamplingHead((64, 64, 16)), losses=losses)


def test_levels_that_are_not_there_are_refused():
    with pytest.raises(ConfigError, match='low_level'):
        ContrastiveAttention(low_level=-1)
    with pytest.raises(ConfigError, match='low_channels is 64 for level 5'):
        network(low_level=5).run(clip())
    with pytest.raises(ConfigError, match='in_channels'):
        GradualUpsamplingHead(())
