from tests.needs import needs_project

needs_project('npmca_net')


import pytest
import torch

from projects.npmca_net.modules import ChannelAttention, scaled_size
from salseg.errors import ConfigError
from salseg.propagation import Prompt
from salseg.structures import FrameInputs
from tests.propagation.small import SIZE, npmca, square, stream, video


def frames_and_masks(objects):
    frames = torch.randn(2, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    masks = torch.stack([torch.from_numpy(square(8 * i, 10 * i)).float() for i in range(objects)])
    return frames, masks


def test_objects_in_one_call_are_answered_as_each_alone():
    model = npmca()
    (previous, frame), masks = frames_and_masks(3)
    with torch.no_grad():
        first = model.encode(previous.expand(3, -1, -1, -1), masks, model.matcher)
        together = model.answer(frame, masks, previous, first)
        single = [model.answer(frame, masks[i : i + 1], previous, first[i : i + 1]) for i in range(3)]
        model.slots_per_call = 2
        chunks = model.answer(frame, masks, previous, first)
    torch.testing.assert_close(together, torch.cat(single), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(together, chunks, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(('space', 'soft'), [('pixel', True), ('pixel', False), ('normalized', True)])
def test_what_a_reference_sees_outside_its_mask_is_black_or_zero(space, soft):
    model = npmca(mask_space=space, soft_mask=soft)
    frames, masks = frames_and_masks(1)
    masks = masks * 0.7
    seen = []
    model.reference_encoder.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    model.encode(frames[:1], masks, model.matcher)
    mean, std = model.data_preprocessor.mean, model.data_preprocessor.std
    pixels = frames[:1] * std + mean
    share = masks if soft else (masks >= 0.5).float()
    expected = (pixels * share - mean) / std if space == 'pixel' else frames[:1] * share
    torch.testing.assert_close(seen[0], expected, atol=1e-4, rtol=1e-4)


def test_the_mean_over_scales_is_what_the_next_frame_sees():
    frames, model = video(2), npmca(scales=(0.5, 1.0))
    runner = stream(model)
    runner.step(frames[0], Prompt.from_masks({1: square(8, 8)}))
    result = runner.step(frames[1])
    torch.testing.assert_close(runner.state.masks, result.probability[1:])
    parts = []
    for scale in model.scales:
        model.scales = (scale,)
        single = stream(model)
        single.step(frames[0], Prompt.from_masks({1: square(8, 8)}))
        parts.append(single.step(frames[1]).probability[1:])
    torch.testing.assert_close(result.probability[1:], sum(parts) / 2)


def test_a_single_object_has_the_rest_as_background_without_aggregation():
    runner = stream(npmca())
    frames = video(2)
    runner.step(frames[0], Prompt.from_masks({1: square(8, 8)}))
    probability = runner.step(frames[1]).probability
    torch.testing.assert_close(probability[0], 1 - probability[1])


def test_the_union_asks_once_more_and_the_product_does_not():
    calls = {}
    for background in ('union', 'product'):
        model = npmca(background=background, scales=(1.0,))
        seen = []
        model.target_encoder.register_forward_pre_hook(lambda module, given, seen=seen: seen.append(len(given[0])))
        runner, frames = stream(model), video(2)
        runner.step(frames[0], Prompt.from_masks({1: square(8, 8), 2: square(24, 40)}))
        runner.step(frames[1])
        calls[background] = sum(seen)
    assert calls == dict(union=3, product=2)


def test_removing_an_object_equals_never_having_had_it_in_the_first_frames_features():
    frames, model = video(2), npmca()
    with_it, without = stream(model), stream(model)
    with_it.step(frames[0], Prompt.from_masks({1: square(8, 8), 2: square(24, 40)}))
    without.step(frames[0], Prompt.from_masks({1: square(8, 8)}))
    with_it.remove_objects([2])
    for ours, theirs in zip(with_it.state.first, without.state.first):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    answers = [runner.step(frames[1]).probability for runner in (with_it, without)]
    torch.testing.assert_close(*answers, atol=1e-4, rtol=1e-3)


def test_what_is_held_does_not_grow_with_the_video():
    runner, sizes = stream(npmca()), []
    for number, frame in enumerate(video(8)):
        runner.step(frame, Prompt.from_masks({1: square(8, 8), 2: square(24, 40)}) if number == 0 else None)
        sizes.append(runner.memory.bytes)
    assert len(set(sizes[1:])) == 1


def test_a_clip_is_unrolled_from_its_own_predictions():
    model = npmca()
    frames = torch.randn(2, 3, 3, *SIZE, generator=torch.Generator().manual_seed(1))
    prompt = torch.stack([torch.from_numpy(square(8, 8)), torch.from_numpy(square(16, 30))]).unsqueeze(1)
    outputs = model.unroll(FrameInputs(frames, prompt=prompt))
    assert outputs['logits'].shape == (2, 2, 1, *SIZE)
    with torch.no_grad():
        first = model.encode(frames[:, 0], prompt[:, 0].float(), model.matcher)
        pair = model.decode(frames[:, 1], prompt[:, 0].float(), (first, first))
        masks = torch.softmax(pair, 1)[:, 1]
        before = model.encode(frames[:, 1], masks, model.matcher)
        second = torch.softmax(model.decode(frames[:, 2], masks, (first, before)), 1)[:, 1]
    torch.testing.assert_close(outputs['probability'][:, 0, 0], masks, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(outputs['probability'][:, 1, 0], second, atol=1e-5, rtol=1e-4)


def test_a_hidden_previous_mask_is_hidden_from_the_target_encoder_alone():
    frames = torch.randn(1, 2, 3, *SIZE, generator=torch.Generator().manual_seed(1))
    prompt = torch.from_numpy(square(8, 8))[None, None]
    model = npmca()
    model.hide_previous = 1.0
    with torch.no_grad():
        first = model.encode(frames[:, 0], prompt[:, 0].float(), model.matcher)
        expected = torch.softmax(model.decode(frames[:, 1], torch.zeros(1, *SIZE), (first, first)), 1)[:, 1]
        found = model.unroll(FrameInputs(frames, prompt=prompt))['probability']
    torch.testing.assert_close(found[:, 0, 0], expected, atol=1e-5, rtol=1e-4)


def test_the_gradient_flows_through_the_previous_mask_unless_detached():
    frames = torch.randn(1, 3, 3, *SIZE, generator=torch.Generator().manual_seed(1)).requires_grad_()
    inputs = FrameInputs(frames, prompt=torch.from_numpy(square(8, 8))[None, None])
    model, logits, gradients = npmca(), [], []
    for detached in (False, True):
        model.detach_previous = detached
        logits.append(model.unroll(inputs)['logits'][:, 1])
        gradients.append(torch.autograd.grad(logits[-1].sum(), frames)[0])
    torch.testing.assert_close(*logits)
    torch.testing.assert_close(gradients[0][:, 2], gradients[1][:, 2])
    assert (gradients[0][:, 1] - gradients[1][:, 1]).abs().max() > 1e-3 * gradients[0].abs().max()


def test_gamma_can_leave_zero_and_never_counts_below_it():
    module, features = ChannelAttention(), torch.rand(1, 4, 3, 3)
    module(features).sum().backward()
    assert module.gamma.grad.abs() > 0
    module.gamma.data.fill_(-1)
    module.gamma.grad = None
    out = module(features)
    torch.testing.assert_close(out, features)
    out.sum().backward()
    assert module.gamma.grad.abs() > 0


def test_scaled_sizes_are_multiples_of_the_stride():
    assert scaled_size((480, 864), 0.75, 'needed') == (368, 656)
    assert scaled_size((512, 864), 0.75, 'rgmp') == (416, 672)


@pytest.mark.parametrize(
    'options',
    [
        dict(background='sum'), dict(mask_space='rgb'), dict(pad_mode='stm'), dict(scales=()),
        dict(shared_encoder=True, previous_mask=False),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(ConfigError, match=r'NPMCANet|pad_mode'):
        npmca(**options)


@pytest.mark.parametrize(
    'options',
    [dict(channel_attention=False), dict(previous_mask=False), dict(shared_encoder=True), dict(share_matching=False)],
)
def test_every_variant_tracks_objects(options):
    runner, frames = stream(npmca(**options)), video(3)
    runner.step(frames[0], Prompt.from_masks({1: square(8, 8), 2: square(24, 40)}))
    runner.step(frames[1])
    assert torch.isfinite(runner.step(frames[2]).probability).all()
