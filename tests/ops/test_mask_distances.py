import pytest
import torch

from salseg.ops import bootstrap_fraction, bootstrapped_cross_entropy, dice_distance, iou_distance


def soft(seed=0):
    return torch.rand(2, 3, 5, 6, generator=torch.Generator().manual_seed(seed))


def test_of_a_mask_with_itself_is_zero_and_with_its_complement_one():
    mask = soft() > 0.5
    for form in ('minmax', 'product'):
        torch.testing.assert_close(iou_distance(mask.float(), mask, form=form), torch.zeros(2, 3), atol=1e-6, rtol=0)
        torch.testing.assert_close(iou_distance((~mask).float(), mask, form=form), torch.ones(2, 3))
    torch.testing.assert_close(dice_distance(mask.float(), mask), torch.zeros(2, 3))


def test_both_forms_of_the_iou_agree_where_the_truth_is_binary_and_only_there():
    probability, truth = soft(), soft(1)
    binary = truth > 0.5
    torch.testing.assert_close(iou_distance(probability, binary), iou_distance(probability, binary, form='product'))
    assert (iou_distance(probability, truth) - iou_distance(probability, truth, form='product')).abs().min() > 1e-3


def test_unknown_pixels_change_neither_value_nor_gradient():
    probability, truth = soft().requires_grad_(), soft(1) > 0.5
    known = soft(2) > 0.3
    iou_distance(probability, truth, known).sum().backward()
    assert probability.grad[~known].abs().max() == 0
    shouted = torch.where(known, probability.detach(), 1.0)
    torch.testing.assert_close(iou_distance(shouted, truth, known), iou_distance(probability, truth, known).detach())


def test_empty_masks():
    nothing = torch.zeros(1, 4, 4)
    assert dice_distance(nothing, nothing > 0) == 0
    assert iou_distance(nothing, nothing > 0) == 1
    with pytest.raises(ValueError, match="'minmax' or 'product'"):
        iou_distance(nothing, nothing, form='max')


def test_the_fraction_of_hard_pixels_falls_linearly_and_then_stays():
    shares = [bootstrap_fraction(i, 10, 20, 0.2) for i in (0, 9, 10, 15, 20, 21, 99)]
    assert shares == pytest.approx([1, 1, 1, 0.6, 0.2, 0.2, 0.2])


def test_the_hardest_pixels_of_each_sample_are_averaged():
    logits = torch.zeros(2, 2, 1, 4)
    logits[0, 0, 0] = torch.tensor([0.0, 1.0, 2.0, 3.0])
    classes = torch.ones(2, 1, 4, dtype=torch.int64)
    every = torch.nn.functional.cross_entropy(logits, classes, reduction='none')
    found = bootstrapped_cross_entropy(logits, classes, 0.5)
    torch.testing.assert_close(found[0], every[0, 0, 2:].mean())
    torch.testing.assert_close(bootstrapped_cross_entropy(logits, classes, 1.0), every.mean((1, 2)))
