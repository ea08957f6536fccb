import pytest
import torch

from salseg.errors import ConfigError, MissingOutput
from salseg.models.losses import (
    LocalSaliencyCoherenceLoss,
    MaskCrossEntropyLoss,
    PartialCrossEntropyLoss,
    StructureConsistencyLoss,
)
from salseg.ops import CoherenceKernel, local_saliency_coherence
from salseg.structures import FrameTargets

pytestmark = pytest.mark.core()


def batch(shape=(2, 1, 24, 24), iteration=0):
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, shape, generator=generator).to(torch.uint8)
    labels[labels == 2] = 255
    inputs = torch.randn((*shape[:2], 3, *shape[2:]), generator=generator)
    return FrameTargets(labels=labels, inputs=inputs, iteration=iteration)


def logits(shape=(2, 1, 1, 24, 24), seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def test_one_output_without_terms_gives_a_scalar():
    assert LocalSaliencyCoherenceLoss()(dict(logits=logits()), batch()).ndim == 0


def test_terms_are_named_after_output_and_part_and_weighted_by_both():
    outputs = dict(logits=logits(), logits_3=logits(seed=2))
    plain = PartialCrossEntropyLoss(on={'logits': 1.0, 'logits_3': 1.0})(outputs, batch())
    weighted = PartialCrossEntropyLoss(weight=2.0, on={'logits': 1.0, 'logits_3': 0.25})(outputs, batch())
    assert sorted(plain) == sorted(f'{name}_{side}' for name in outputs for side in ('foreground', 'background'))
    torch.testing.assert_close(weighted['logits_foreground'], 2 * plain['logits_foreground'])
    torch.testing.assert_close(weighted['logits_3_background'], 0.5 * plain['logits_3_background'])


def test_a_missing_output_is_named():
    with pytest.raises(MissingOutput, match="reads 'logits_9'"):
        PartialCrossEntropyLoss(on='logits_9')(dict(logits=logits()), batch())


def test_a_negative_weight_is_refused_with_the_way_to_switch_off():
    with pytest.raises(ConfigError, match=r'losses=dict\(name=None\)'):
        PartialCrossEntropyLoss(weight=-1)


def test_a_ramp_grows_linearly_with_the_iteration():
    loss = MaskCrossEntropyLoss(weight=2.0, ramp_iterations=10)
    outputs = dict(logits=logits())
    full = loss(outputs, batch(iteration=10))
    assert loss(outputs, batch(iteration=0)) == 0
    torch.testing.assert_close(loss(outputs, batch(iteration=5)), full / 2)
    torch.testing.assert_close(loss(outputs, batch(iteration=99)), full)


def test_losses_leave_autocast():
    outputs = dict(logits=logits())
    with torch.autocast('cpu', dtype=torch.bfloat16):
        half = LocalSaliencyCoherenceLoss()(dict(logits=outputs['logits'].bfloat16()), batch())
    exact = LocalSaliencyCoherenceLoss()(dict(logits=outputs['logits'].bfloat16().float()), batch())
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, exact)


def test_coherence_over_several_outputs_equals_the_single_ones():
    outputs = dict(logits=logits(), logits_3=logits(seed=3))
    loss = LocalSaliencyCoherenceLoss(
        sigma_image={'logits': 0.5, 'logits_3': 0.05}, on={'logits': 1.0, 'logits_3': 0.8}
    )
    both = loss(outputs, batch())
    image = batch().image((6, 6), align_corners=True)
    for (name, output), sigma, fraction in zip(outputs.items(), (0.5, 0.05), (1.0, 0.8)):
        small = torch.nn.functional.interpolate(
            torch.sigmoid(output[:, 0]), (6, 6), mode='bilinear', align_corners=True
        )
        alone = local_saliency_coherence(small[:, None], image, (CoherenceKernel(1.0, 6.0, sigma),)).mean()
        torch.testing.assert_close(both[name], fraction * alone)


def test_coherence_trains_a_clip_of_four_frames():
    output = logits((1, 4, 1, 24, 24))
    LocalSaliencyCoherenceLoss()(dict(logits=output), batch((1, 4, 24, 24))).backward()
    assert all(output.grad[0, t].abs().sum() > 0 for t in range(4))


def test_consistency_is_zero_where_the_small_map_is_the_large_one_made_smaller():
    output = torch.full((1, 1, 1, 20, 20), 0.3)
    rescaled = torch.full((1, 1, 1, 6, 6), 0.3)
    loss = StructureConsistencyLoss()(dict(logits=output, logits_rescaled=rescaled), batch((1, 1, 20, 20)))
    assert loss.abs() < 1e-6


def test_consistency_sends_gradient_into_both_maps():
    outputs = dict(logits=logits(), logits_rescaled=logits((2, 1, 1, 7, 7)))
    StructureConsistencyLoss()(outputs, batch()).backward()
    assert all(value.grad.abs().sum() > 0 for value in outputs.values())


def test_full_masks_give_the_mean_cross_entropy_of_all_pixels():
    labels = torch.tensor([[[[1, 0]]]], dtype=torch.uint8)
    output = torch.tensor([[[[[0.0, 2.0]]]]])
    expected = (torch.log(torch.tensor(2.0)) + torch.nn.functional.softplus(torch.tensor(2.0))) / 2
    torch.testing.assert_close(MaskCrossEntropyLoss()(dict(logits=output), FrameTargets(labels=labels)), expected)
