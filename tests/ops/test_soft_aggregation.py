import torch

from salseg.ops import aggregate, aggregate_log_odds


def test_probabilities_are_the_softmax_of_the_log_odds():
    objects = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(aggregate(objects), torch.softmax(aggregate_log_odds(objects), -3))
    torch.testing.assert_close(aggregate(objects).sum(-3), torch.ones(2, 4, 5, dtype=torch.float64))


def test_one_object_at_even_odds_shares_with_the_background():
    torch.testing.assert_close(aggregate(torch.full((1, 1, 1), 0.5)).flatten(), torch.tensor([0.5, 0.5]))


def test_two_objects_by_hand():
    # Odds 4, 1 and, for the background (0.2 * 0.5), 1/9.
    found = aggregate(torch.tensor([0.8, 0.5]).view(2, 1, 1)).flatten()
    torch.testing.assert_close(found, torch.tensor([1 / 9, 4.0, 1.0]) / (5 + 1 / 9))


def test_certain_pixels_stay_finite_and_certain():
    masks = torch.tensor([[[1.0, 0.0]], [[0.0, 0.0]]])
    found = aggregate(masks)
    torch.testing.assert_close(found, torch.tensor([[[0.0, 1.0]], [[1.0, 0.0]], [[0.0, 0.0]]]), atol=1e-6, rtol=0)
    assert torch.isfinite(aggregate_log_odds(masks)).all()


def test_a_given_background_takes_the_place_of_the_product():
    objects = torch.full((1, 1, 1), 0.5)
    torch.testing.assert_close(aggregate(objects, torch.full((1, 1, 1), 0.8)).flatten(), torch.tensor([0.8, 0.2]))
