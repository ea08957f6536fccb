import math

import pytest
import torch

from salseg.ops import anisotropic_similarity, augment_keys, augment_queries


def sample():
    generator = torch.Generator().manual_seed(0)
    keys, queries = (torch.randn(n, 16, generator=generator, dtype=torch.float64) for n in (30, 20))
    shrinkage = 1 + torch.rand(30, generator=generator, dtype=torch.float64)
    selection = torch.rand(20, 16, generator=generator, dtype=torch.float64)
    return keys, queries, shrinkage, selection


def distance(keys, queries, shrinkage, selection):
    square = (keys[None] - queries[:, None]).square()
    return -shrinkage * (selection[:, None] * square).sum(-1) / math.sqrt(keys.shape[1])


def test_is_the_scaled_weighted_squared_distance():
    keys, queries, shrinkage, selection = sample()
    expected = distance(keys, queries, shrinkage, selection)
    torch.testing.assert_close(anisotropic_similarity(keys, queries, shrinkage, selection), expected)
    ours = anisotropic_similarity(*(x.float() for x in (keys, queries, shrinkage, selection)))
    torch.testing.assert_close(ours.double(), expected, atol=1e-5, rtol=1e-5)


def test_without_shrinkage_all_keys_scale_by_one():
    keys, queries, _, selection = sample()
    expected = distance(keys, queries, torch.ones(30, dtype=torch.float64), selection)
    torch.testing.assert_close(anisotropic_similarity(keys, queries, None, selection), expected)


def test_without_selection_and_shrinkage_the_softmax_is_that_of_the_plain_distance():
    keys, queries, _, _ = sample()
    plain = distance(keys, queries, torch.ones(30, dtype=torch.float64), torch.ones_like(queries))
    ours = anisotropic_similarity(keys, queries)
    torch.testing.assert_close(torch.softmax(ours, 1), torch.softmax(plain, 1))


def test_a_query_that_is_a_key_is_nearest_to_it():
    keys, _, shrinkage, _ = sample()
    similarity = anisotropic_similarity(keys, keys, shrinkage, torch.ones_like(keys))
    assert (similarity.argmax(1) == torch.arange(30)).all()
    torch.testing.assert_close(similarity.diagonal(), torch.zeros(30, dtype=torch.float64), atol=1e-12, rtol=0)


def test_batches_are_computed_sample_by_sample():
    keys, queries, shrinkage, selection = (torch.stack([x, x.flip(0)]) for x in sample())
    together = anisotropic_similarity(keys, queries, shrinkage, selection)
    for i in range(2):
        torch.testing.assert_close(together[i], anisotropic_similarity(keys[i], queries[i], shrinkage[i], selection[i]))


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_inputs_are_computed_in_float32(dtype):
    keys, queries, shrinkage, selection = (x.to(dtype) for x in sample())
    with torch.autocast('cpu', dtype=torch.bfloat16):
        ours = anisotropic_similarity(keys, queries, shrinkage, selection)
    assert ours.dtype == torch.float32
    expected = distance(*(x.double() for x in (keys, queries, shrinkage, selection)))
    torch.testing.assert_close(ours.double(), expected, atol=1e-4, rtol=1e-4)


def test_augmented_rows_have_the_widths_that_their_product_needs():
    keys, queries, shrinkage, selection = sample()
    assert augment_keys(keys, shrinkage).shape == (30, 33)
    assert augment_queries(queries, selection).shape == (20, 33)
