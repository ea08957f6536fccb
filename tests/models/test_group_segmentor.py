import pytest
import torch
from torch import nn

from salseg.errors import ConfigError
from salseg.models.backbones import VGG16
from salseg.models.heads import LateralPyramidHead
from salseg.models.matchers import DemocraticPrototype
from salseg.models.necks import DemocraticEnhancement
from salseg.models.segmentors import GroupSegmentor
from salseg.models.segmentors.group_segmentor import frames_of
from salseg.structures import FrameGeometry, FrameInputs, SalDataSample


def group(frames=5, size=32):
    return FrameInputs(torch.randn(1, frames, 3, size, size, generator=torch.Generator().manual_seed(0)))


def model(**options):
    torch.manual_seed(0)
    parts = dict(matcher=DemocraticPrototype(), neck=DemocraticEnhancement(alpha=1))
    network = GroupSegmentor(VGG16(), LateralPyramidHead(width=8), **{**parts, **options}).eval()
    if network.neck is not None:
        with torch.no_grad():
            network.neck.value[1].weight.mul_(1e-3)
    return network


def sample(frames=5):
    names = [str(i) for i in range(frames)]
    return SalDataSample(metainfo=dict(frame_ids=names, geometry=[FrameGeometry.whole(30, 40).scaled(32, 32)] * frames))


@pytest.mark.parametrize(('keep_bytes', 'runs'), [(2**30, 5), (2**10, 10)])
def test_the_backbone_runs_once_for_each_frame_while_its_levels_fit(keep_bytes, runs):
    network, seen = model(keep_bytes=keep_bytes), []
    network.backbone.register_forward_hook(lambda *given: seen.append(1))
    with torch.inference_mode():
        network.predict(group(), [sample()])
    assert len(seen) == runs


@pytest.mark.parametrize('keep', ['matched', 'all'])
@pytest.mark.parametrize('frames_at_once', [1, 2, 9])
def test_parts_give_the_maps_of_the_whole_group(keep, frames_at_once):
    network, inputs = model(keep=keep, frames_at_once=frames_at_once), group()
    with torch.inference_mode():
        parts = network.predict(inputs, [sample()])[0].pred_maps
        network.frames_at_once = None
        whole = network.predict(inputs, [sample()])[0].pred_maps
    assert [tuple(x.shape) for x in parts] == [(30, 40)] * 5
    for part, other in zip(parts, whole):
        torch.testing.assert_close(part, other, rtol=0, atol=1e-4)


def test_without_a_matcher_frames_are_simply_independent():
    network = model(matcher=None, neck=None)
    inputs = group(2)
    with torch.no_grad():
        parts = network.run_in_parts(inputs)['logits']
        torch.testing.assert_close(parts, network(inputs)['logits'][0], rtol=1e-4, atol=1e-4)


def test_a_matcher_that_does_not_name_its_levels_needs_whole_groups():
    class Silent(nn.Module):
        def forward(self, features):
            return features, {}

    with pytest.raises(ConfigError, match='frames_at_once=None'):
        model(matcher=Silent())
    assert model(matcher=Silent(), frames_at_once=None).frames_at_once is None


def test_bad_options_are_named():
    with pytest.raises(ConfigError, match="keep='some'"):
        model(keep='some')
    with pytest.raises(ConfigError, match='frames_at_once=0'):
        model(frames_at_once=0)


def test_frames_of_cuts_every_field_that_is_there():
    inputs = FrameInputs(torch.zeros(2, 3, 3, 4, 4), guidance=torch.zeros(2, 3, 1, 2, 2))
    part = frames_of(inputs, slice(1, 2), slice(0, 2))
    assert part.frames.shape == (1, 2, 3, 4, 4)
    assert part.guidance.shape == (1, 2, 1, 2, 2)
    assert part.flow is None
