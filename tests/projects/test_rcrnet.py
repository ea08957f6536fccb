from tests.needs import needs_project

needs_project('rcrnet')


import json

import numpy as np
import pytest
import torch

from projects.rcrnet import FGPLG, RandomJitter, RandomMirror, RandomScaledCrop, RefinementHead, SplitTriplet
from projects.rcrnet.weights import convert, official_to_salseg, salseg_to_official
from salseg.errors import CheckpointError, ConfigError, DataError
from salseg.models import SaliencySegmentor
from salseg.models.backbones import Encoder, ResNet
from salseg.models.matchers import NER
from salseg.models.necks import ASPP
from salseg.ops import consistent_flow, flow_magnitude, warp
from salseg.structures import FrameGeometry, FrameInputs
from tests.parity import kit


def published(make):
    """A network of the published size, without memory for its values."""
    with torch.device('meta'):
        neck = ASPP(2048, rates=(6, 12, 18), project_kernel=3, pool_first=True, dropout=0.1, drop_channels=True)
        return make(Encoder(ResNet(50, output_stride=16), neck), RefinementHead())


NETWORKS = {
    'keys_image.json': (SaliencySegmentor, 45_267_433),
    'keys_video.json': (lambda *parts: SaliencySegmentor(*parts, matcher=NER()), 53_790_185),
    'keys_fgplg_backbone.json': (FGPLG, 45_279_977),
}


@pytest.mark.parametrize('name', NETWORKS)
def test_the_converter_takes_every_published_entry_and_gives_every_one_of_ours(name):
    make, parameters = NETWORKS[name]
    shapes = json.loads((kit.KIT / 'rcrnet' / name).read_text())['keys']
    converted, dropped = convert({key: torch.empty(shape, device='meta') for key, shape in shapes.items()})
    model = published(make)
    assert {key: value.shape for key, value in converted.items()} == {k: v.shape for k, v in model.state_dict().items()}
    assert dropped == ['backbone.resnet.fc.weight', 'backbone.resnet.fc.bias']
    # Theirs keep ImageNet's classifier, which nothing reads.
    classifier = 1000 * 2048 + 1000
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters - classifier
    assert all(salseg_to_official(official_to_salseg(key)) == key for key in shapes if key not in dropped)


def test_the_flow_network_in_the_generators_checkpoint_is_dropped():
    shapes = json.loads((kit.KIT / 'rcrnet/keys_fgplg_backbone.json').read_text())['keys']
    state = {key: torch.empty(shape, device='meta') for key, shape in shapes.items()}
    converted, dropped = convert(state | {'flownet.flownetc.conv1.0.weight': torch.empty(1)})
    assert len(converted) == 452
    assert 'flownet.flownetc.conv1.0.weight' in dropped


def test_incomplete_and_foreign_checkpoints_are_refused():
    with pytest.raises(CheckpointError, match='452, the video model 482'):
        convert({'backbone.resnet.conv1.weight': torch.zeros(1)})
    with pytest.raises(CheckpointError, match='decoder5'):
        convert({'decoder5.weight': torch.zeros(1)})


def small(cue='flow'):
    neck = ASPP(128, 8, rates=(1, 2), pool_first=True)
    head = RefinementHead((64, 8), skip_channels=4, channels=8, full_channels=8)
    backbone = Encoder(ResNet(18, out_indices=(1, 2)), neck)
    return FGPLG(backbone, head, cue=cue) if cue else SaliencySegmentor(backbone, head)


def triplet(size=32):
    generator = torch.Generator().manual_seed(0)
    frames = torch.randn(2, 1, 3, size, size, generator=generator)
    prompt = torch.rand(2, 2, size, size, generator=generator)
    flow = 4 * torch.randn(2, 2, 2, size, size, generator=generator)
    return FrameInputs(frames, prompt=prompt, flow=flow)


def test_the_generator_sees_colours_labels_and_magnitudes_in_this_order():
    inputs = triplet()
    seven = small().compose(inputs)
    assert seven.shape == (2, 7, 32, 32)
    torch.testing.assert_close(seven[:, :3], inputs.frames[:, 0])
    for side in (0, 1):
        torch.testing.assert_close(seven[:, 3 + side], warp(inputs.prompt[:, [side]], inputs.flow[:, side])[:, 0])
        torch.testing.assert_close(seven[:, 5 + side], flow_magnitude(inputs.flow[:, side])[:, 0])


def test_on_request_a_label_that_fails_the_check_of_its_flow_is_unknown():
    inputs, generator = triplet(), torch.Generator().manual_seed(1)
    back = -inputs.flow + torch.randn(inputs.flow.shape, generator=generator)
    plain, model = small().compose(inputs), small()
    model.check_flow = True
    with pytest.raises(DataError, match="pairs='neighbours-both-ways'"):
        model.compose(inputs)
    inputs.flow = torch.cat([inputs.flow, back], dim=1)
    # Four flows change nothing where the check is off.
    torch.testing.assert_close(small().compose(inputs), plain)
    checked = model.compose(inputs)
    for side in (0, 1):
        passes = consistent_flow(inputs.flow[:, side], back[:, side])[:, 0]
        assert 0.01 < passes.float().mean() < 0.99
        torch.testing.assert_close(checked[:, 3 + side], plain[:, 3 + side] * passes)
    torch.testing.assert_close(checked[:, [0, 1, 2, 5, 6]], plain[:, [0, 1, 2, 5, 6]])
    with pytest.raises(ConfigError, match="check_flow=True needs cue='flow'"):
        FGPLG(model.backbone, model.head, cue='labels', check_flow=True)


@pytest.mark.parametrize(('cue', 'channels'), [('flow', 7), ('labels', 5), ('none', 3)])
def test_cues_of_the_ablation_have_their_channels(cue, channels):
    model = small(cue)
    assert model.compose(triplet()).shape[1] == channels
    assert model.backbone.backbone.conv1.weight.shape[1] == channels
    assert model.run(triplet())[1]['logits'].shape == (2, 1, 1, 32, 32)


def test_a_static_checkpoint_fills_the_colours_and_leaves_the_cues():
    static, model = small(cue=None), small()
    before = model.backbone.backbone.conv1.weight[:, 3:].clone()
    model.load_state_dict(static.state_dict())
    after = model.backbone.backbone.conv1.weight
    torch.testing.assert_close(after[:, :3], static.backbone.backbone.conv1.weight)
    torch.testing.assert_close(after[:, 3:], before)
    torch.testing.assert_close(model.head.full.conv.weight, static.head.full.conv.weight)


def test_a_generators_own_checkpoint_is_loaded_whole():
    first, second = small(), small()
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(second.backbone.backbone.conv1.weight, first.backbone.backbone.conv1.weight)


def test_without_cues_the_generator_says_what_is_missing():
    frames = triplet().frames
    with pytest.raises(DataError, match='SplitTriplet'):
        small().compose(FrameInputs(frames))
    with pytest.raises(DataError, match='ComputeFlow'):
        small().compose(FrameInputs(frames, prompt=triplet().prompt))
    with pytest.raises(ConfigError, match='cue'):
        small('sound')


def test_logits_have_the_size_of_the_image_and_one_frame_at_a_time_changes_nothing():
    model = small(cue=None).eval()
    inputs = FrameInputs(torch.randn(1, 3, 3, 35, 45, generator=torch.Generator().manual_seed(0)))
    together = model.run(inputs)[1]['logits']
    with torch.no_grad():
        apart = model.run(inputs)[1]['logits']
    assert together.shape == (1, 3, 1, 35, 45)
    torch.testing.assert_close(apart, together.detach(), rtol=1e-4, atol=1e-5)


def results(count=3):
    values = [np.full((4, 6), index / 10, np.float32) for index in range(count)]
    return dict(
        dataset='set', set_id='video', frames=[np.full((4, 6, 3), i, np.uint8) for i in range(count)], saliency=values,
        frame_ids=[str(i) for i in range(count)], geometry=[FrameGeometry.whole(4, 6)] * count,
        rng=np.random.default_rng(0),
    )  # fmt: skip


def test_the_target_of_a_triplet_is_seen_nowhere_but_in_the_targets():
    split = SplitTriplet()(results())
    np.testing.assert_allclose(split['prompt'][:, 0, 0], [0.0, 0.2])
    assert split['frame_ids'] == ['1']
    assert len(split['frames']) == len(split['saliency']) == 1
    assert split['saliency'][0][0, 0] == np.float32(0.1)


def test_other_clips_than_triplets_are_refused():
    with pytest.raises(DataError, match='three frames'):
        SplitTriplet()(results(4))


def test_crops_hold_area_and_shape_and_stay_inside():
    crop, rng = RandomScaledCrop(8, area=(0.7, 1.0)), np.random.default_rng(0)
    for _ in range(200):
        x0, y0, x1, y1 = crop.window(60, 90, crop.draw(rng))
        assert 0 <= x0 < x1 <= 90
        assert 0 <= y0 < y1 <= 60
        assert (x1 - x0) * (y1 - y0) <= 60 * 90
    given = RandomScaledCrop(8)(results(2))
    assert given['frames'][0].shape == (8, 8, 3)
    assert given['geometry'][0].size == (8, 8)


def test_mirrors_of_image_and_label_agree():
    seen = set()
    for seed in range(12):
        given = results(1)
        given['rng'] = np.random.default_rng(seed)
        given['saliency'] = [np.arange(24, dtype=np.float32).reshape(4, 6)]
        given['frames'] = [np.repeat(given['saliency'][0][..., None], 3, 2)]
        turned = RandomMirror()(given)
        np.testing.assert_array_equal(turned['frames'][0][..., 0], turned['saliency'][0])
        seen.add(float(turned['saliency'][0][0, 0]))
    assert seen == {0.0, 5.0, 18.0, 23.0}


def test_jitter_without_range_changes_nothing():
    frame = np.random.default_rng(0).integers(0, 256, (4, 6, 3)).astype(np.float32)
    same = RandomJitter(0, 0, 0, 0)(dict(results(1), frames=[frame.copy()]))['frames'][0]
    np.testing.assert_allclose(same, frame, atol=0.01)
