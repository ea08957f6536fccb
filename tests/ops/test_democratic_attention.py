import pytest
import torch

from salseg.ops import democratic_attention, descending_ranks, readjustment


def given(images=2, positions=9, channels=6):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(images, positions, channels, generator=generator) for _ in range(3)]


def test_ranks_count_from_the_largest():
    assert descending_ranks(torch.tensor([[0.1, 3.0, -1.0, 2.0]])).tolist() == [[2, 0, 3, 1]]


def test_small_positive_values_weigh_most_and_negative_ones_one():
    weights = readjustment(torch.tensor([[0.1, 3.0, -1.0, 0.0]]), alpha=3)
    assert weights.tolist() == [[8.0, 1.0, 1.0, 27.0]]


def test_without_exponent_it_is_plain_attention():
    queries, keys, values = given()
    plain = torch.nn.functional.scaled_dot_product_attention(queries, keys, values)
    torch.testing.assert_close(democratic_attention(queries, keys, values, alpha=None), plain)


def test_rows_are_not_normalised_after_readjustment():
    queries, keys, _ = given()
    total = democratic_attention(queries, keys, torch.ones(2, 9, 1), alpha=3)
    assert (total > 1.5).all()


@pytest.mark.parametrize('max_bytes', [1, 1000, 10**7])
def test_blocks_of_any_size_give_the_same_values_and_gradients(max_bytes):
    results = []
    for budget in (10**9, max_bytes):
        parts = [part.requires_grad_() for part in given()]
        out = democratic_attention(*parts, alpha=3, max_bytes=budget)
        results.append((out, *torch.autograd.grad(out.square().sum(), parts)))
    for whole, blocks in zip(*results):
        torch.testing.assert_close(blocks, whole, rtol=1e-5, atol=1e-5 * whole.abs().max().item())


def test_images_do_not_see_each_other():
    queries, keys, values = given()
    alone = democratic_attention(queries[:1], keys[:1], values[:1])
    torch.testing.assert_close(democratic_attention(queries, keys, values)[:1], alone)
