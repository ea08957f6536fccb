import math

import torch

from salseg.ops import choose_candidates, info_nce, region_errors, region_vectors


def test_a_region_vector_is_the_mean_inside():
    features = torch.arange(12.0).view(1, 2, 2, 3)
    regions = torch.tensor([[[True, False, False], [False, False, True]]])
    vectors, there = region_vectors(features, regions)
    torch.testing.assert_close(vectors, torch.tensor([[2.5, 8.5]]))
    assert there.all()


def test_an_empty_region_gives_zero_and_says_so():
    vectors, there = region_vectors(torch.ones(1, 2, 2, 2), torch.zeros(1, 2, 2, dtype=torch.bool))
    assert vectors.abs().max() == 0
    assert not there.any()


def test_errors_are_taken_inside_each_region():
    truth = torch.tensor([[[True, True], [False, False]]])
    inside, outside = region_errors(torch.tensor([[[1.0, 0.5], [0.2, 0.0]]]), truth)
    torch.testing.assert_close((inside, outside), (torch.tensor([0.25]), torch.tensor([0.1])))


def test_candidates_are_the_highest_that_an_anchor_may_take():
    allowed = torch.tensor([[True, True, False, True], [False, False, False, True]])
    index, valid = choose_candidates(torch.tensor([0.1, 0.9, 5.0, 0.3]), allowed, 2)
    assert index[0].tolist() == [1, 3]
    assert valid.tolist() == [[True, True], [True, False]]
    assert index[1, 0] == 3


def test_equal_scores_go_by_index():
    index, _ = choose_candidates(torch.zeros(5), torch.ones(1, 5, dtype=torch.bool), None)
    assert index[0].tolist() == [0, 1, 2, 3, 4]


def some(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_loss_equals_the_quotient_of_exponentials():
    anchors, positives, negatives = some(0, 3, 4), some(1, 3, 2, 4), some(2, 3, 5, 4)
    everything = (torch.ones(3, 2, dtype=torch.bool), torch.ones(3, 5, dtype=torch.bool))
    loss, complete = info_nce(anchors, positives, negatives, *everything, temperature=0.5)
    assert complete.all()
    for a in range(3):

        def similarity(other, a=a):
            return math.exp(torch.cosine_similarity(anchors[a], other, dim=0) / 0.5)

        near = sum(similarity(other) for other in positives[a])
        far = sum(similarity(other) for other in negatives[a])
        assert math.isclose(loss[a], -math.log(near / (near + far)), rel_tol=1e-9)


def test_long_vectors_do_not_overflow_without_normalisation():
    anchors, positives, negatives = 1000 * some(0, 1, 4), 1000 * some(1, 1, 2, 4), 1000 * some(2, 1, 2, 4)
    valid = torch.ones(1, 2, dtype=torch.bool)
    loss, _ = info_nce(anchors.float(), positives.float(), negatives.float(), valid, valid, normalize=False)
    assert torch.isfinite(loss).all()


def test_an_anchor_without_candidates_of_a_kind_gives_zero_and_no_gradient():
    anchors, positives, negatives = some(0, 2, 4).requires_grad_(), some(1, 2, 2, 4), some(2, 2, 2, 4)
    near = torch.tensor([[False, False], [True, True]])
    loss, complete = info_nce(anchors, positives, negatives, near, torch.ones(2, 2, dtype=torch.bool))
    loss.sum().backward()
    assert complete.tolist() == [False, True]
    assert loss[0] == 0
    assert anchors.grad[0].abs().max() == 0
    assert torch.isfinite(anchors.grad).all()
    assert anchors.grad[1].abs().max() > 0


def test_invalid_candidates_change_nothing():
    anchors, positives, negatives = some(0, 1, 4), some(1, 1, 3, 4), some(2, 1, 3, 4)
    valid = torch.tensor([[True, True, False]])
    short, _ = info_nce(anchors, positives[:, :2], negatives[:, :2], valid[:, :2], valid[:, :2])
    shouted = torch.cat([negatives[:, :2], 1e3 * anchors[:, None]], dim=1)
    full, _ = info_nce(anchors, positives, shouted, valid, valid)
    torch.testing.assert_close(full, short)
