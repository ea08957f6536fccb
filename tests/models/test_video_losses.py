import pytest
import torch

from salseg.errors import ConfigError
from salseg.models.losses import ContrastiveLoss, FrameCrossEntropyLoss
from salseg.structures import FrameTargets


def clip(batch=2, frames=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    labels = (torch.rand(batch, frames, 16, 16, generator=generator) > 0.5).to(torch.uint8)
    labels[..., :4, :4], labels[..., -4:, -4:] = 1, 0
    embedding = torch.randn(batch, frames, 6, 4, 4, generator=generator)
    logits = torch.randn(batch, frames, 1, 16, 16, generator=generator)
    return dict(embedding=embedding, logits=logits), labels


def test_cross_entropy_sums_along_a_clip_and_averages_over_clips():
    outputs, labels = clip()
    targets = FrameTargets(labels=labels)
    summed, mean = (FrameCrossEntropyLoss(frames=how)(outputs, targets) for how in ('sum', 'mean'))
    torch.testing.assert_close(summed, 4 * mean)
    plain = torch.nn.functional.binary_cross_entropy_with_logits(outputs['logits'][:, :, 0], labels.float())
    torch.testing.assert_close(mean, plain)


def test_frames_without_label_do_not_count():
    outputs, labels = clip()
    half = labels.clone()
    half[:, 2:] = 255
    found = FrameCrossEntropyLoss()(outputs, FrameTargets(labels=half))
    first = {name: value[:, :2] for name, value in outputs.items()}
    torch.testing.assert_close(found, FrameCrossEntropyLoss()(first, FrameTargets(labels=labels[:, :2])))


def test_soft_truth_is_not_rounded():
    soft = torch.full((2, 4, 16, 16), 0.3)
    logits, targets, loss = torch.logit(soft).unsqueeze(2), FrameTargets(saliency=soft), FrameCrossEntropyLoss()
    entropy = loss(dict(logits=logits), targets)
    assert entropy < loss(dict(logits=logits + 0.5), targets)
    assert entropy < loss(dict(logits=logits - 0.5), targets)


def test_contrast_is_least_where_foregrounds_agree_and_backgrounds_oppose():
    outputs, labels = clip()
    targets = FrameTargets(labels=labels)
    regions = targets.soft_mask((4, 4)) >= 0.5
    apart = torch.where(regions, 1.0, -1.0).expand(-1, -1, 6, -1, -1)
    loss = ContrastiveLoss()
    assert loss(dict(outputs, embedding=apart), targets) < 1e-6
    assert loss(dict(outputs, embedding=torch.ones_like(apart)), targets) > 0.5


def test_single_images_contribute_nothing():
    outputs, labels = clip(batch=8, frames=1)
    outputs['embedding'].requires_grad_()
    loss = ContrastiveLoss()(outputs, FrameTargets(labels=labels))
    loss.backward()
    assert loss == 0
    assert outputs['embedding'].grad.abs().max() == 0


def test_a_frame_without_foreground_is_neither_anchor_nor_positive():
    outputs, labels = clip(batch=1)
    labels[:, 1] = 0
    truth, loss = labels > 0, ContrastiveLoss(negatives=None)
    prediction, there = outputs['logits'][:, :, 0].sigmoid(), truth.flatten(2).any(2)
    index, valid = loss.candidates(prediction, truth, there, torch.ones_like(there))[0]
    assert all(1 not in row[ok].tolist() for row, ok in zip(index[0], valid[0]))
    regions = FrameTargets(labels=labels).soft_mask((4, 4)).squeeze(2) >= 0.5
    per_anchor, complete = loss.anchor_losses(outputs['embedding'], regions, prediction, truth)
    assert complete.tolist() == [[True, False, True, True]]
    assert per_anchor[0, 1] == 0


def test_gradient_does_not_flow_through_the_ranking():
    outputs, labels = clip()
    outputs['logits'].requires_grad_()
    outputs['embedding'].requires_grad_()
    ContrastiveLoss()(outputs, FrameTargets(labels=labels)).backward()
    assert outputs['logits'].grad is None
    assert outputs['embedding'].grad.abs().max() > 0


def test_clips_of_a_batch_are_not_contrasted_with_each_other():
    outputs, labels = clip()
    whole = ContrastiveLoss()(outputs, FrameTargets(labels=labels))
    parts = [
        ContrastiveLoss()({k: v[b : b + 1] for k, v in outputs.items()}, FrameTargets(labels=labels[b : b + 1]))
        for b in range(2)
    ]
    torch.testing.assert_close(whole, sum(parts) / 2)


def test_hard_candidates_are_those_the_prediction_is_most_wrong_about():
    _, labels = clip(batch=1)
    truth = labels > 0
    prediction = truth.float()
    prediction[:, 2] = 1 - prediction[:, 2]
    there = torch.ones(1, 4, dtype=torch.bool)
    near, far = ContrastiveLoss(1, 1).candidates(prediction, truth, there, there)
    assert near[0][0, [0, 1, 3], 0].tolist() == [2, 2, 2]
    assert far[0][0, :, 0].tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize('options', [dict(mining='soft'), dict(temperature=0.0), dict(positives=0)])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        ContrastiveLoss(**options)
