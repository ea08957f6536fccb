"""Proposals, their votes and their identities, on arrays."""

import numpy as np
import pytest
import torch

from salseg.errors import DataError
from salseg.propagation.proposals import common_votes, identify, overlaps, propose


def boxes(*places, size=(20, 20)):
    masks = np.zeros((len(places), *size), bool)
    for mask, (y0, x0, y1, x1) in zip(masks, places):
        mask[y0:y1, x0:x1] = True
    return masks


def test_proposals_are_the_connected_parts_that_are_large_enough():
    saliency = np.full((20, 20), 127, np.uint8)
    small, middle, large = boxes((0, 0, 1, 1), (3, 3, 6, 6), (10, 10, 18, 18))
    saliency[small | middle | large] = 128
    assert (propose(saliency) == [large, middle]).all()
    assert (propose(saliency, least_area=0.0) == [large, middle, small]).all()
    assert (propose(saliency, most=1) == [large]).all()
    assert propose(saliency, threshold=0.6).shape == (0, 20, 20)
    assert propose(np.zeros((20, 20), np.uint8), least_area=0.0).shape == (0, 20, 20)


def test_votes_are_the_mean_over_distant_looks_of_the_best_cosine():
    rng = np.random.default_rng(0)
    numbers, counts, distance = [0, 5, 10, 15], [2, 3, 0, 1], 10
    vectors = [torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(n, 7))).float(), dim=1) for n in counts]
    votes = common_votes(vectors, numbers, distance)
    for own, rows, number in zip(votes, vectors, numbers):
        assert own.shape == (len(rows),)
        for vote, row in zip(own, rows):
            best = [
                max([0.0, *(other @ row).tolist()])
                for other, place in zip(vectors, numbers)
                if abs(place - number) >= distance
            ]
            assert float(vote) == pytest.approx(np.mean(best), abs=1e-6)


def test_a_neighbour_in_time_does_not_vote_and_a_short_video_keeps_all():
    thing, other = torch.eye(2)
    near = common_votes([thing[None], thing[None], other[None], other[None]], [0, 1, 10, 11], 5)
    assert [vote.item() for vote in near] == [0, 0, 0, 0]
    assert [vote.item() for vote in common_votes([thing[None], other[None]], [0, 1], 5)] == [1, 1]
    assert common_votes([], [], 5) == []
    with pytest.raises(DataError, match='2 looks were given with 1 numbers'):
        common_votes([thing[None], other[None]], [0], 5)


def test_identities_are_merged_by_overlap():
    first, second = boxes((0, 0, 6, 6), (0, 12, 6, 18))
    labels = (3 * first + 7 * second).astype(np.uint8)
    same, grown, both, new, touching = boxes(
        (0, 2, 6, 8), (0, 12, 12, 18), (0, 0, 6, 18), (12, 0, 18, 6), (0, 4, 6, 11)
    )
    masks = np.stack([same, grown, both, new, touching])
    assert identify(labels, masks, [3, 7]) == [3, 7, None, 0, None]
    assert overlaps(labels, masks, [3, 7])[0].tolist() == [pytest.approx(24 / 36), 0]
    assert overlaps(labels, masks, [9]).tolist() == [[0]] * 5
    assert identify(np.zeros((20, 20), np.uint8), masks[:2], []) == [0, 0]
