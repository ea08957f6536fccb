import pytest
import torch
import torch.nn.functional as F

from salseg.ops import group_prototype, mean_response, seed_logits, seed_vectors, select_seeds, stretch
from salseg.ops.prototypes import similarity_maxima


def parts(images=4, positions=12, channels=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    queries, keys, features = (torch.randn(images, positions, channels, generator=generator) for _ in range(3))
    return queries, keys, F.normalize(features.transpose(1, 2), dim=1)


def dense_maxima(queries, keys):
    images, positions, channels = queries.shape
    similarity = queries.flatten(0, 1) @ keys.flatten(0, 1).t() / channels**0.5
    return similarity.view(-1, images, positions).amax(2)


@pytest.mark.parametrize('rows', [1, 5, 12, 48, 1000])
def test_maxima_in_blocks_of_any_size_are_those_of_the_whole_matrix(rows):
    queries, keys, _ = parts()
    blocks = list(similarity_maxima(queries, keys, max_bytes=rows * 48 * 4))
    assert max(len(block) for block in blocks) == min(rows, 48)
    torch.testing.assert_close(torch.cat(blocks), dense_maxima(queries, keys), rtol=0, atol=1e-6)


def test_a_budget_below_one_row_still_works_row_by_row():
    queries, keys, _ = parts()
    assert all(len(block) == 1 for block in similarity_maxima(queries, keys, max_bytes=1))


def test_logits_are_the_mean_over_images_and_have_no_gradient():
    queries, keys, _ = parts()
    logits = seed_logits(queries.requires_grad_(), keys)
    assert not logits.requires_grad
    torch.testing.assert_close(logits, dense_maxima(queries, keys).mean(1).view(4, 12).detach())


def test_one_seed_per_image_where_no_values_tie():
    queries, keys, _ = parts()
    logits = seed_logits(queries, keys)
    assert torch.equal(select_seeds(logits, 'sum'), select_seeds(logits, 'first'))
    assert select_seeds(logits, 'first').sum(1).tolist() == [1] * 4


def test_a_constant_image_has_every_position_as_seed_when_ties_are_summed():
    logits = torch.zeros(1, 12)
    assert select_seeds(logits, 'sum').sum() == 12
    assert select_seeds(logits, 'first').nonzero().tolist() == [[0, 0]]
    with pytest.raises(ValueError, match="'sum' or 'first'"):
        select_seeds(logits, 'mean')


def test_the_mean_of_seeds_gives_the_mean_of_unrectified_responses():
    _, _, unit = parts()
    seeds = unit[..., 0]
    pairs = torch.einsum('sc,ncp->nsp', seeds, unit)
    torch.testing.assert_close(mean_response(unit, seeds, rectify=False), pairs.mean(1))


@pytest.mark.parametrize('max_bytes', [1, 500, 10**6])
def test_rectified_responses_are_those_of_every_pair_for_any_block(max_bytes):
    _, _, unit = parts()
    seeds = unit[..., 0]
    pairs = torch.einsum('sc,ncp->nsp', seeds, unit).relu()
    torch.testing.assert_close(mean_response(unit, seeds, True, max_bytes), pairs.mean(1))


def test_stretched_responses_reach_both_ends_and_a_constant_one_stays_finite():
    response = torch.tensor([[0.2, 0.4, 0.3], [0.5, 0.5, 0.5]])
    torch.testing.assert_close(stretch(response), torch.tensor([[0.0, 1.0, 0.5], [0.0, 0.0, 0.0]]))


def test_the_prototype_is_a_plain_mean_over_all_positions():
    features = torch.arange(12.0).view(2, 2, 3)
    response = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.5]])
    torch.testing.assert_close(group_prototype(features, response), torch.tensor([(0 + 4.0) / 6, (3 + 5.5) / 6]))


def test_gradient_flows_through_the_seeds_but_not_through_their_choice():
    _, _, unit = parts()
    unit = unit.detach().requires_grad_()
    selected = select_seeds(torch.randn(4, 12, generator=torch.Generator().manual_seed(3)))
    seed_vectors(unit, selected).sum().backward()
    assert torch.equal(unit.grad[:, 0] > 0, selected)
