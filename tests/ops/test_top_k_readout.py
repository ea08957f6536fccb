import pytest
import torch

from salseg.ops import read_rows, row_usage, top_k_weights
from salseg.ops.matching import largest_columns


def sample(queries=9, rows=40, width=5):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(queries, rows, generator=generator), torch.randn(rows, width, generator=generator)


def dense(similarity, k):
    """Softmax over the k largest entries, written out."""
    threshold = similarity.sort(1, descending=True).values[:, k - 1 : k]
    kept = torch.where(similarity >= threshold, similarity.exp(), 0.0)
    return kept / kept.sum(1, keepdim=True)


def test_reads_what_the_dense_affinity_reads():
    similarity, values = sample()
    weights, index = top_k_weights(similarity, 7)
    torch.testing.assert_close(read_rows(values, weights, index), dense(similarity, 7) @ values)
    torch.testing.assert_close(row_usage(weights, index, len(values)), dense(similarity, 7).sum(0))


def test_with_as_many_rows_as_asked_for_it_is_the_full_softmax():
    similarity, values = sample()
    for k in (40, 1000):
        weights, index = top_k_weights(similarity, k)
        torch.testing.assert_close(read_rows(values, weights, index), torch.softmax(similarity, 1) @ values)


def test_large_similarities_do_not_overflow():
    weights, _ = top_k_weights(torch.tensor([[1e4, 1e4 - 1, -1e4]]), 2)
    torch.testing.assert_close(weights.sort().values, torch.softmax(torch.tensor([[-1.0, 0.0]]), 1))


def test_gradients_are_those_of_the_dense_form():
    similarity, values = sample()
    found = []
    for form in (lambda s, v: read_rows(v, *top_k_weights(s, 40)), lambda s, v: torch.softmax(s, 1) @ v):
        s, v = similarity.clone().requires_grad_(), values.clone().requires_grad_()
        form(s, v).square().sum().backward()
        found.append((s.grad, v.grad))
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)


def test_usage_sums_to_the_number_of_queries():
    similarity, _ = sample()
    weights, index = top_k_weights(similarity, 3)
    torch.testing.assert_close(row_usage(weights, index, 40).sum(), torch.tensor(9.0))


@pytest.mark.parametrize(('columns', 'k'), [(40, 7), (271, 30), (272, 30), (1000, 3), (1003, 1), (5, 5)])
def test_the_search_in_groups_finds_what_sorting_finds(columns, k):
    values = torch.randn(20, columns, generator=torch.Generator().manual_seed(columns))
    # The largest entries of one row side by side, those of another one in one group of the search.
    values[0, -k:] += 100
    values[1, :: max(1, columns // k)] += 100
    found = largest_columns(values, k).sort().values
    torch.testing.assert_close(found, values.argsort(1, descending=True)[:, :k].sort().values, rtol=0, atol=0)


def test_equal_entries_are_taken_once_each():
    found = largest_columns(torch.zeros(2, 900), 9)
    assert all(len(set(row)) == 9 for row in found.tolist())
