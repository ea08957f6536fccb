"""Metrics of YouTube-VOS and SegTrack-v2, from J and F of labelled videos."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from salseg.errors import DataError
from salseg.evaluation.functional.boundary import TOLERANCE
from salseg.evaluation.functional.davis import SequenceScores, mask_scores
from salseg.evaluation.functional.frames import Frames, checked_labels, scored_frames
from salseg.evaluation.functional.statistics import nan_mean


def label_scores(
    ground_truth: Frames,
    prediction: Frames,
    given: Mapping[int, int],
    *,
    given_counts: bool = False,
    tolerance: float = TOLERANCE,
) -> SequenceScores:
    """J and F of objects that may enter at any frame.

    Args:
        ground_truth: Frames of labels (H, W) uint8: those that count, for YouTube-VOS the ones listed in `meta.json`.
        prediction: As many frames of labels (H, W) uint8.
        given: By label, the number of the frame that gives the object's mask.
        given_counts: Score that frame, too.
        tolerance: See `boundary_f`.

    Returns:
        Scores of all frames, NaN for an object in the frames before it is scored.

    Raises:
        DataError: Frames do not fit each other, or nothing of an object is scored.

    Examples:
        >>> truth = np.zeros((3, 20, 20), np.uint8)
        >>> truth[:, 2:8, 2:8], truth[1:, 12:18, 12:18] = 1, 2
        >>> label_scores(truth, truth, given={1: 0, 2: 1}).region
        array([[nan,  1.,  1.],
               [nan, nan,  1.]])
    """
    numbers = scored_frames(ground_truth, prediction, skip_first_last=False)
    objects = tuple(sorted(given))
    scores = np.full((2, len(objects), len(numbers)), np.nan)
    for number in numbers:
        truth, guess = checked_labels(ground_truth[number], prediction[number], number)
        for row, k in enumerate(objects):
            if number >= given[k] + (not given_counts):
                scores[:, row, number] = mask_scores(guess == k, truth == k, tolerance=tolerance)
    for row, k in enumerate(objects):
        if np.isnan(scores[0, row]).all():
            raise DataError(
                f'object {k} is given in frame {given[k]}, and none of the {len(numbers)} frames '
                'after that is left to score.'
            )
    return SequenceScores(objects, *scores)


def youtube_vos_summary(region: Sequence[float], boundary: Sequence[float], seen: Sequence[bool]) -> dict[str, float]:
    """J and F of seen and of unseen categories, and G, the mean of the four (Xu et al., ECCV 2018).

    Args:
        region: Mean J of each object over its scored frames.
        boundary: Mean F, likewise.
        seen: Whether the object's category occurs in the training set.

    Returns:
        `J_seen`, `F_seen`, `J_unseen`, `F_unseen`, `G`, in this order.

    Raises:
        DataError: The lists differ in length, or one of the two kinds has no object.

    Examples:
        >>> youtube_vos_summary(region=[0.75, 0.5], boundary=[0.75, 0.5], seen=[True, False])
        {'J_seen': 0.75, 'F_seen': 0.75, 'J_unseen': 0.5, 'F_unseen': 0.5, 'G': 0.625}
    """
    values = {'J': np.asarray(region, float), 'F': np.asarray(boundary, float)}
    known = np.asarray(seen, bool)
    if not len(region) == len(boundary) == len(seen):
        raise DataError(
            f'{len(region)} values of J, {len(boundary)} of F and {len(seen)} flags; expected one of each per object.'
        )
    if known.all() or not known.any():
        raise DataError(f'all {len(seen)} objects are {"seen" if known.any() else "unseen"}; G averages both kinds.')
    summary = {
        f'{metric}_{kind}': nan_mean(values[metric][chosen])
        for kind, chosen in (('seen', known), ('unseen', ~known))
        for metric in ('J', 'F')
    }
    return {**summary, 'G': sum(summary.values()) / 4}


def segtrack_summary(sequences: Iterable[SequenceScores]) -> dict[str, float]:
    """Mean IoU over the frames of each object, then over all objects of SegTrack-v2.

    The data set has no evaluation code. For methods that are given the first mask leave its frame out:
    `label_scores(ground_truth, prediction, {1: 0, ...})`; for others count it: `given_counts=True`.

    Args:
        sequences: Scores of the videos.

    Raises:
        DataError: There is no object.

    Examples:
        >>> scores = SequenceScores((1, 2), np.array([[0.75, 0.25], [1.0, 1.0]]), np.ones((2, 2)))
        >>> segtrack_summary([scores])
        {'J_mean': 0.75}
    """
    means = [nan_mean(values) for scores in sequences for values in scores.region]
    if not means:
        raise DataError('no object was scored.')
    return {'J_mean': float(np.mean(means))}
