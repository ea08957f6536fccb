import math

import torch

from salseg.ops import cosine_affinity, mask_iou, self_contrastive


def test_agreement_is_one_half_and_zero_for_alike_orthogonal_and_opposite():
    x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    found = torch.cat([cosine_affinity(x, 3 * x), cosine_affinity(x, y), cosine_affinity(x, -x)])
    torch.testing.assert_close(found, torch.tensor([1.0, 0.5, 0.0]), rtol=0, atol=1e-5)


def test_terms_vanish_for_equal_objects_and_opposite_background():
    x = torch.tensor([[1.0, 2.0]])
    positive, negative = self_contrastive(x, x, -x)
    assert abs(positive.item()) < 1e-4
    assert abs(negative.item()) < 1e-4


def test_a_background_like_the_whole_costs_about_minus_log_epsilon():
    x = torch.tensor([[30.0, 40.0]])
    _, negative = self_contrastive(x, x, x)
    assert abs(negative.item() + math.log(1e-5)) < 0.1


def test_a_prototype_of_nothing_stays_finite_with_finite_gradients():
    x = torch.ones(1, 4, requires_grad=True)
    zero = torch.zeros(1, 4, requires_grad=True)
    sum(self_contrastive(x, zero, zero)).sum().backward()
    assert torch.isfinite(x.grad).all()
    assert torch.isfinite(zero.grad).all()


def test_overlap_of_hard_maps_is_that_of_sets():
    a, b = torch.zeros(1, 4, 4), torch.zeros(1, 4, 4)
    a[:, :2], b[:, 1:3] = 1, 1
    torch.testing.assert_close(mask_iou(a, b), torch.tensor([4 / 12]), rtol=0, atol=1e-5)


def test_overlap_with_an_empty_mask_is_zero_without_gradient():
    p = torch.rand(1, 4, 4, requires_grad=True)
    value = mask_iou(p, torch.zeros(1, 4, 4))
    value.sum().backward()
    assert value.item() == 0
    assert p.grad.abs().max() == 0
