import pytest
import torch

from salseg.ops import affinity_cost, affinity_sweep
from salseg.ops.geometry import shift

PLACES = [(0, 0), (1, -2), (-3, 3), (0, 2), (9, 0)]


def sample(logits):
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.randn(2, 5, 7, generator=generator, dtype=torch.float64) for _ in range(2))
    weights = torch.rand(len(PLACES), 2, 5, 7, generator=generator, dtype=torch.float64)
    return (first, second, weights) if logits else (first.sigmoid(), second.sigmoid(), weights)


@pytest.mark.parametrize('logits', [False, True])
def test_it_is_the_sum_of_the_costs_of_shifted_maps(logits):
    first, second, weights = sample(logits)
    expected, inside = 0, torch.ones(5, 7)
    for (dy, dx), weight in zip(PLACES, weights):
        cost = affinity_cost(first, shift(second, dy, dx), logits)
        expected = expected + (weight * cost * shift(inside, dy, dx)).sum()
    pairs = ((*place, weight) for place, weight in zip(PLACES, weights))
    torch.testing.assert_close(affinity_sweep(first, second, pairs, logits), expected)


@pytest.mark.parametrize('logits', [False, True])
def test_its_gradient_is_that_of_the_sum(logits):
    first, second, weights = sample(logits)
    pairs = [(*place, weight) for place, weight in zip(PLACES, weights)]
    first.requires_grad_(), second.requires_grad_()
    assert torch.autograd.gradcheck(lambda x, y: affinity_sweep(x, y, pairs, logits), (first, second))
    # A map compared with itself gets the gradient of both sides.
    assert torch.autograd.gradcheck(lambda x: affinity_sweep(x, x, pairs, logits), (first,))


@pytest.mark.parametrize('logits', [False, True])
def test_certain_disagreement_has_a_finite_cost_and_gradient(logits):
    certain = torch.tensor([[100.0, -100.0]]) if logits else torch.tensor([[1.0, 0.0]])
    certain.requires_grad_()
    cost = affinity_sweep(certain, certain, [(0, 1, torch.ones(1, 2))], logits)
    cost.backward()
    assert torch.isfinite(cost)
    assert torch.isfinite(certain.grad).all()


def test_one_weight_serves_all_objects_and_nothing_is_kept_without_gradient():
    first, second, _ = sample(False)
    weight = torch.rand(1, 5, 7, dtype=torch.float64)
    whole = affinity_sweep(first, second, [(1, 0, weight)], False)
    parts = [affinity_sweep(first[n : n + 1], second[n : n + 1], [(1, 0, weight)], False) for n in range(2)]
    torch.testing.assert_close(whole, sum(parts))
    assert not whole.requires_grad
