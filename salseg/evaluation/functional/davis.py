"""DAVIS protocols: J, F and J&F of objects in videos.

`semi_supervised`: the first mask is given (Pont-Tuset et al., 2017); `unsupervised`: objects are matched with proposals
(Caelles et al., 2019); `single_object`: one mask against the background (Perazzi et al., CVPR 2016).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from salseg.errors import DataError
from salseg.evaluation.functional.boundary import TOLERANCE, Contour, matched_f, tolerance_radius, window_of
from salseg.evaluation.functional.frames import VOID, Frames, checked_labels, objects_of_first_frame, scored_frames
from salseg.evaluation.functional.region import checked_masks, overlap_matrix, region_similarity_j
from salseg.evaluation.functional.statistics import nan_mean, time_statistics

MAX_PROPOSALS = 20


@dataclass(frozen=True)
class SequenceScores:
    """Scores of the objects of one video.

    Attributes:
        objects: Labels, ascending.
        region: (objects, scored frames) float64, J.
        boundary: (objects, scored frames) float64, F.
    """

    objects: tuple[int, ...]
    region: np.ndarray
    boundary: np.ndarray


def mask_scores(
    prediction: np.ndarray, ground_truth: np.ndarray, *, tolerance: float = TOLERANCE
) -> tuple[float, float]:
    """J and F of two masks (H, W) bool, on their common bounding box.

    Examples:
        >>> truth = np.zeros((20, 20), bool)
        >>> truth[5:15, 5:15] = True
        >>> region, boundary = mask_scores(np.roll(truth, 1, axis=1), truth)
        >>> round(float(region), 4), boundary
        (0.8182, 1.0)
    """
    prediction, ground_truth = checked_masks(prediction, ground_truth, None)
    window = window_of(prediction | ground_truth)
    if window is None:
        return 1.0, 1.0
    # The tolerance belongs to the whole image, the work to the window.
    radius = tolerance_radius(prediction.shape, tolerance)
    prediction, ground_truth = prediction[window], ground_truth[window]
    region = region_similarity_j(prediction, ground_truth)
    return region, matched_f(Contour.of(prediction, radius), Contour.of(ground_truth, radius))


def semi_supervised(
    ground_truth: Frames, prediction: Frames, *, skip_first_last: bool = True, tolerance: float = TOLERANCE
) -> SequenceScores:
    """Score a video whose first mask was given: the DAVIS 2017 protocol.

    Objects are those of the first annotated frame; one that appears later is background. Void is background, and is not
    left out of the comparison. An object that the prediction lacks is empty there.

    Args:
        ground_truth: Frames of labels (H, W) uint8.
        prediction: As many frames of labels (H, W) uint8.
        skip_first_last: Leave out the first frame, which was given, and the last.
        tolerance: See `boundary_f`.

    Raises:
        DataError: Frames do not fit each other, or a prediction holds a label that the first frame does not have.

    Examples:
        >>> truth = np.zeros((4, 20, 20), np.uint8)
        >>> truth[:, 5:15, 5:15] = 1
        >>> scores = semi_supervised(truth, np.roll(truth, 1, axis=2))  # frames 1 and 2 of 0..3 count
        >>> scores.objects, scores.region.round(4)
        ((1,), array([[0.8182, 0.8182]]))
    """
    objects = objects_of_first_frame(ground_truth)
    scores = []
    for number in scored_frames(ground_truth, prediction, skip_first_last):
        truth, guess = checked_labels(ground_truth[number], prediction[number], number)
        if guess.max() > len(objects):
            raise DataError(
                f'frame {number} of the prediction holds the label {guess.max()}; the first frame of the '
                f'ground truth has the objects 1..{len(objects)}. Are video and objects the right ones?'
            )
        scores.append([mask_scores(guess == k, truth == k, tolerance=tolerance) for k in objects])
    region, boundary = np.moveaxis(np.array(scores, np.float64), (2, 1), (0, 1))
    return SequenceScores(objects, region, boundary)


def single_object(
    ground_truth: Frames, prediction: Frames, *, skip_first_last: bool = True, tolerance: float = TOLERANCE
) -> SequenceScores:
    """Score a foreground: the DAVIS 2016 protocol. Everything above 0 is object.

    Args:
        ground_truth: Frames (H, W) uint8 or bool. On FBMS these are the annotated frames, with `skip_first_last=False`.
        prediction: As many frames, binary.
        skip_first_last: Leave out the first and the last frame.
        tolerance: See `boundary_f`.

    Raises:
        DataError: Frames do not fit each other.

    Examples:
        >>> truth = np.zeros((4, 20, 20), np.uint8)
        >>> truth[:, 5:15, 5:15] = 255
        >>> scores = single_object(truth, truth)
        >>> scores.objects, scores.region
        ((1,), array([[1., 1.]]))
    """
    scores = []
    for number in scored_frames(ground_truth, prediction, skip_first_last):
        truth, guess = checked_labels(ground_truth[number], prediction[number], number)
        scores.append(mask_scores(guess > 0, truth > 0, tolerance=tolerance))
    region, boundary = np.array(scores, np.float64).T
    return SequenceScores((1,), region[None], boundary[None])


def unsupervised(
    ground_truth: Frames,
    prediction: Frames,
    *,
    max_proposals: int = MAX_PROPOSALS,
    tolerance: float = TOLERANCE,
) -> SequenceScores:
    """Score unlabelled proposals: the DAVIS 2019 multi-object protocol, on all frames.

    Void pixels are background on both sides. Each proposal is compared with each object over the whole video; the
    assignment has the largest sum of mean (J + F) / 2. An object without proposal is compared with empty masks.

    Args:
        ground_truth: Frames of labels (H, W) uint8, 255 void.
        prediction: As many frames of labels (H, W) uint8.
        max_proposals: More than this are refused.
        tolerance: See `boundary_f`.

    Raises:
        DataError: Frames do not fit each other, or there are too many proposals.

    Examples:
        >>> truth = np.zeros((2, 20, 20), np.uint8)
        >>> truth[:, 2:8, 2:8], truth[:, 12:18, 12:18] = 1, 2
        >>> swapped = np.array([0, 2, 1], np.uint8)[truth]  # the names of proposals do not matter
        >>> unsupervised(truth, swapped).region
        array([[1., 1.],
               [1., 1.]])
    """
    objects = objects_of_first_frame(ground_truth)
    numbers = scored_frames(ground_truth, prediction, skip_first_last=False)
    highest = max(int(np.max(frame)) for frame in prediction)
    if highest > max_proposals:
        raise DataError(
            f'the prediction holds the label {highest}; at most {max_proposals} proposals are allowed, '
            'labelled from 1, and 255 is no label of a prediction.'
        )
    proposals = max(highest, len(objects))
    region, boundary = (np.zeros((proposals, len(objects), len(numbers))) for _ in range(2))
    for number in numbers:
        truth, guess = checked_labels(ground_truth[number], prediction[number], number)
        void = truth == VOID
        truth, guess = (
            np.where(void | (labels > top), 0, labels) for labels, top in ((truth, len(objects)), (guess, proposals))
        )
        region[..., number] = overlap_matrix(truth, guess, len(objects), proposals)
        boundary[..., number] = boundary_matrix(truth, guess, len(objects), proposals, tolerance)
    # Imported here: it takes half a second, and one protocol of many needs it.
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(-(region + boundary).mean(axis=2) / 2)
    rows = rows[np.argsort(columns)]
    chosen = np.arange(len(objects))
    return SequenceScores(objects, region[rows, chosen], boundary[rows, chosen])


def boundary_matrix(
    ground_truth: np.ndarray, prediction: np.ndarray, objects: int, proposals: int, tolerance: float = TOLERANCE
) -> np.ndarray:
    """F of every proposal with every object of one frame of labels: (proposals, objects) float64."""
    window = window_of((ground_truth > 0) | (prediction > 0))
    if window is None:
        return np.ones((proposals, objects))
    radius = tolerance_radius(ground_truth.shape, tolerance)
    truths, guesses = (
        [Contour.of(labels[window] == k, radius) for k in range(1, number + 1)]
        for labels, number in ((ground_truth, objects), (prediction, proposals))
    )
    return np.array([[matched_f(guess, truth) for truth in truths] for guess in guesses])


def object_metrics(sequences: Mapping[str, SequenceScores]) -> dict[str, dict[str, float]]:
    """Mean, recall and decay of J and F of every object.

    Returns:
        By '<sequence>_<label>': `J_mean`, `J_recall`, `J_decay`, `F_mean`, `F_recall`, `F_decay`.

    Examples:
        >>> scores = SequenceScores((1,), np.array([[0.75, 0.25]]), np.array([[1.0, 1.0]]))
        >>> metrics = object_metrics({'dog': scores})
        >>> metrics['dog_1']['J_mean'], metrics['dog_1']['F_mean']
        (0.5, 1.0)
    """
    metrics = {}
    for name, scores in sequences.items():
        for k, region, boundary in zip(scores.objects, scores.region, scores.boundary):
            metrics[f'{name}_{k}'] = {
                f'{metric}_{statistic}': value
                for metric, values in (('J', region), ('F', boundary))
                for statistic, value in time_statistics(values)._asdict().items()
            }
    return metrics


def davis_summary(sequences: Mapping[str, SequenceScores]) -> dict[str, float]:
    """Metrics of a data set: every object of every sequence counts the same.

    Args:
        sequences: Scores by sequence.

    Returns:
        `J&F` (mean of `J_mean` and `F_mean`), `J_mean`, `J_recall`, `J_decay`, `F_mean`, `F_recall`, `F_decay`, in this
        order.

    Raises:
        DataError: There is no sequence.

    Examples:
        >>> scores = SequenceScores((1,), np.array([[0.75, 0.25]]), np.array([[1.0, 1.0]]))
        >>> davis_summary({'dog': scores})['J&F']
        0.75
    """
    metrics = list(object_metrics(sequences).values())
    if not metrics:
        raise DataError('no sequence was scored.')
    means = {name: nan_mean(np.array([f[name] for f in metrics])) for name in metrics[0]}
    return {'J&F': (means['J_mean'] + means['F_mean']) / 2, **means}
