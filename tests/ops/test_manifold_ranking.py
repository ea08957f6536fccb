import pytest
import torch

from salseg.ops.label_smoothing import SuperpixelGraph, rank_nodes


def graph(nodes=40, images=4, **options):
    generator = torch.Generator().manual_seed(0)
    features = torch.rand(nodes, 3, generator=generator)
    image = torch.arange(nodes) % images
    near = [(i, i + images) for i in range(nodes - images)]
    pairs = torch.tensor(near + [(b, a) for a, b in near])
    indicator = (torch.rand(nodes, generator=generator) > 0.5).double()
    return SuperpixelGraph(features, image, pairs, **options), indicator


def dense_solution(network, indicator, lambda4=1.0, beta=0.9, prior=1.0):
    weights = network.rows(0, len(network))
    scale = weights.sum(1).rsqrt()
    matrix = (1 + lambda4) * torch.eye(len(network), dtype=torch.float64) - scale[:, None] * weights * scale
    return torch.linalg.solve(matrix, lambda4 * indicator + (1 - beta) / 2 * prior)


def test_only_other_images_and_neighbours_are_connected():
    network, _ = graph()
    weights = network.rows(0, 40)
    assert torch.equal(weights, weights.t())
    assert weights.diagonal().abs().max() == 0
    assert weights[0, 4] > 0, 'a neighbour in the same image'
    assert weights[0, 8] == 0, 'no neighbour, same image'
    assert weights[0, 9] > 0, 'another image'


@pytest.mark.parametrize('lambda4', [0.1, 1.0])
def test_conjugate_gradients_find_the_dense_solution(lambda4):
    network, indicator = graph()
    found = rank_nodes(network, indicator, lambda4=lambda4)
    torch.testing.assert_close(found, dense_solution(network, indicator, lambda4), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize('rows', [1, 7])
def test_a_graph_in_blocks_ranks_as_one_in_memory(rows):
    kept, indicator = graph()
    blocks, _ = graph(max_bytes=rows * 40 * 8)
    torch.testing.assert_close(rank_nodes(blocks, indicator), rank_nodes(kept, indicator), rtol=1e-9, atol=1e-10)


def test_a_few_rounds_are_enough_whatever_the_size():
    for nodes in (40, 400):
        network, indicator = graph(nodes)
        rank_nodes(network, indicator, tolerance=1e-6, max_iterations=12)


def test_a_node_without_neighbours_keeps_what_it_was_given():
    lonely = SuperpixelGraph(torch.rand(2, 3), torch.tensor([0, 0]), torch.empty(0, 2, dtype=torch.long))
    found = rank_nodes(lonely, torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(found, torch.tensor([1.05 / 2, 0.05 / 2], dtype=torch.float64))


def test_too_few_rounds_are_an_error_not_a_wrong_answer():
    network, indicator = graph()
    with pytest.raises(ArithmeticError, match='40 superpixels'):
        rank_nodes(network, indicator, max_iterations=2)
    with pytest.raises(ValueError, match='lambda4'):
        rank_nodes(network, indicator, lambda4=0)
