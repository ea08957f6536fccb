import pytest
import torch

from salseg.errors import ConfigError, MissingTarget
from salseg.models.losses import (
    BootstrappedCrossEntropyLoss,
    DiceLoss,
    PairwiseLoss,
    ProjectionLoss,
    SoftIoULoss,
    TemporalLoss,
)
from salseg.ops import aggregate_log_odds
from salseg.structures import FrameTargets

BOXES = [
    ProjectionLoss(), ProjectionLoss(form='released', reading='image'),
    PairwiseLoss(), PairwiseLoss(normalizer='released'),
    PairwiseLoss(normalizer='pairs', logits=True, on='logits'), TemporalLoss(), TemporalLoss(form='released'),
    TemporalLoss(form='released', pairs='cyclic', logits=True, on='logits'), TemporalLoss(detach=True),
]  # fmt: skip


def clip(seed=0, size=(32, 48), frames=3, objects=2):
    """Still images with a bright rectangle per object, its boxes and labels."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.full((1, frames, 3, *size), 60.0)
    labels = torch.zeros(1, frames, *size, dtype=torch.uint8)
    boxes = torch.zeros(1, frames, objects, 4)
    for t in range(frames):
        for k in range(objects):
            x, y = 4 + 20 * k, 6
            images[0, t, :, y : y + 14, x : x + 12] = 140 + 50.0 * k
            labels[0, t, y : y + 14, x : x + 12] = k + 1
            boxes[0, t, k] = torch.tensor([x, y, x + 12, y + 14])
    valid = torch.ones(1, frames, objects, dtype=torch.bool)
    noisy = (images + torch.rand(images.shape, generator=generator)).to(torch.uint8)
    return FrameTargets(
        images=noisy, inputs=noisy.float(), labels=labels, boxes=boxes, box_valid=valid, object_valid=valid[:, 0]
    )


def outputs_of(targets, softness=0.05):
    masks = targets.masks().float() * (1 - 2 * softness) + softness
    return dict(probability=masks, logits=torch.logit(masks), log_odds=aggregate_log_odds(masks.flatten(0, 1))[None])


@pytest.mark.parametrize('loss', BOXES[:5])
def test_the_true_masks_cost_less_than_shifted_ones(loss):
    targets = clip()
    true = loss(outputs_of(targets), targets)
    wrong = clip()
    wrong.labels = wrong.labels.roll(5, 2).roll(3, 3)
    assert true < loss(outputs_of(wrong), targets)


@pytest.mark.parametrize('loss', BOXES[5:])
def test_masks_that_stay_with_a_still_image_cost_less_than_one_that_jumps(loss):
    targets, jumping = clip(), clip()
    jumping.labels[:, 1] = jumping.labels[:, 1].roll(8, 1).roll(8, 2)
    assert loss(outputs_of(targets), targets) < loss(outputs_of(jumping), targets)


@pytest.mark.parametrize('loss', BOXES)
def test_no_box_loss_reads_the_labels(loss):
    targets, blind = clip(), clip()
    outputs = outputs_of(targets)
    blind.labels = None
    torch.testing.assert_close(loss(outputs, targets), loss(outputs, blind), rtol=0, atol=0)
    blind.boxes = None
    blind._views.clear()
    with pytest.raises(MissingTarget, match='LoadBoxes or MasksToBoxes'):
        loss(outputs, blind)


@pytest.mark.parametrize('loss', BOXES)
def test_an_unused_slot_changes_neither_value_nor_gradient(loss):
    targets, wider = clip(objects=2), clip(objects=2)
    wider.boxes = torch.cat([wider.boxes, torch.zeros(1, 3, 1, 4)], 2)
    wider.box_valid = torch.cat([wider.box_valid, torch.zeros(1, 3, 1, dtype=torch.bool)], 2)
    found = []
    for given, slots in ((targets, 2), (wider, 3)):
        outputs = {k: v[:, :, :2] for k, v in outputs_of(targets).items() if k != 'log_odds'}
        if slots == 3:
            outputs = {
                k: torch.cat([v, v[:, :, :1] * 0 + (-16 if k == 'logits' else 0)], 2) for k, v in outputs.items()
            }
        leaves = {k: v.clone().requires_grad_() for k, v in outputs.items()}
        value = loss(leaves, given)
        (gradient,) = torch.autograd.grad(value, leaves[next(iter(loss.on))])
        found.append((value.detach(), gradient[:, :, :2]))
    torch.testing.assert_close(found[0], found[1], atol=1e-7, rtol=1e-5)


def test_a_ramp_starts_at_zero_and_ends_at_the_weight():
    loss, targets = TemporalLoss(ramp_iterations=10, weight=2.0), clip()
    values = []
    for targets.iteration in (0, 5, 10, 99):
        values.append(loss(outputs_of(targets), targets))
    torch.testing.assert_close(torch.stack(values), values[2] * torch.tensor([0.0, 0.5, 1.0, 1.0]))


def test_a_clip_of_one_frame_has_no_temporal_cost_but_a_gradient_of_zero():
    targets = clip().frames(0, 1)
    outputs = {k: v[:, :1].requires_grad_() for k, v in outputs_of(clip()).items()}
    TemporalLoss()(outputs, targets).backward()
    assert outputs['probability'].grad.abs().max() == 0


def test_mask_losses_vanish_at_the_truth():
    targets = clip()
    outputs = outputs_of(targets, softness=1e-7)
    for loss in (DiceLoss(), SoftIoULoss(), BootstrappedCrossEntropyLoss()):
        assert loss(outputs, targets) < 1e-4
        assert loss(outputs_of(targets, softness=0.3), targets) > 0.1


def test_options_are_checked():
    for make in (
        lambda: ProjectionLoss(reading='all'),
        lambda: PairwiseLoss(threshold=0),
        lambda: TemporalLoss(pairs='next'),
        lambda: SoftIoULoss(form='max'),
        lambda: BootstrappedCrossEntropyLoss(start=9, end=3),
    ):
        with pytest.raises(ConfigError, match='expected'):
            make()
