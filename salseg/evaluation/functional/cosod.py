"""The co-saliency protocol of eval-co-sod (github.com/zzhanghub/eval-co-sod), the tool that DCFM's authors point to.

It differs from `saliency_scores` in most details, and all images count the same: its metrics are comparable with each
other only. Differences: 255 thresholds linspace(0, 1 - 1e-10, 255), compared in float32 with the map as it is; the
ground truth is value / 255 and made binary for the S-measure only; MAE is that of the map before min-max rescaling; E
has no special case for an empty or full ground truth; the S-measure's centre belongs to the blocks below and to the
right of it.
"""

from collections.abc import Iterable

import numpy as np

from salseg.errors import DataError
from salseg.evaluation.functional.aggregate import average_scores
from salseg.evaluation.functional.curves import f_measure
from salseg.evaluation.functional.pair import GreyPair
from salseg.evaluation.functional.resize import resize_prediction
from salseg.evaluation.functional.saliency import Scores
from salseg.evaluation.functional.structure import structure_measure

EPS = 1e-20
GREYS = np.arange(256, dtype=np.float32) / np.float32(255)
THRESHOLDS = np.linspace(0, 1 - 1e-10, 255).astype(np.float32)


def cosod_scores(prediction: np.ndarray, ground_truth: np.ndarray) -> Scores:
    """Score one co-saliency map.

    Args:
        prediction: (h, w) uint8; resized to the ground truth by Pillow's bilinear filter where it has another size.
        ground_truth: (H, W) uint8.

    Returns:
        `mae`, `s_measure`, and curves (255,), threshold 0 first: `precision_curve`, `recall_curve`, `f_curve`,
        `e_curve`, `false_positive_rate_curve`.

    Raises:
        DataError: An array is no 8-bit image.

    Examples:
        >>> truth = np.zeros((8, 8), np.uint8)
        >>> truth[2:5, 2:5] = 255
        >>> scores = cosod_scores(truth, truth)
        >>> scores['mae'], scores['f_curve'].shape
        (0.0, (255,))
    """
    for name, image in (('prediction', prediction), ('ground truth', ground_truth)):
        if image.ndim != 2 or image.dtype != np.uint8 or not image.size:
            raise DataError(
                f'the {name} is {image.dtype} of shape {image.shape}; eval-co-sod reads 8-bit grey '
                'images: expected uint8 of shape (height, width).'
            )
    prediction = resize_prediction(prediction, ground_truth.shape, 'pillow')
    # How often each grey value of the map meets each of the ground truth says all that follows.
    joint = np.bincount(prediction.ravel().astype(np.intp) * 256 + ground_truth.ravel(), minlength=65536)
    joint = joint.reshape(256, 256).astype(np.float64)
    used = joint.any(axis=0)
    joint, truth = joint[:, used], GREYS[used].astype(np.float64)
    values = _rescaled(np.any(joint, axis=1))
    above = (values >= THRESHOLDS[:, None]).astype(np.float64) @ joint
    return dict(
        mae=float((joint * np.abs(GREYS.astype(np.float64)[:, None] - truth)).sum() / joint.sum()),
        s_measure=_structure(prediction, ground_truth, joint, truth),
        e_curve=_alignment(above, joint.sum(axis=0), truth),
        **_curves(above, joint.sum(axis=0), truth),
    )


def _rescaled(present: np.ndarray) -> np.ndarray:
    """Min-max rescaled value of each grey value, float32 as there: the thresholds feel the last bit."""
    low, high = GREYS[present].min(), GREYS[present].max()
    return (GREYS - low) / (high - low + np.float32(EPS))


def _curves(above: np.ndarray, total: np.ndarray, truth: np.ndarray) -> Scores:
    """Precision, recall, F and false positive rate.

    Args:
        above: (255, K) pixels above each threshold per value of the ground truth.
        total: (K,) all pixels per value.
        truth: (K,) the values in [0, 1].
    """
    true, false = above @ truth, above @ (1 - truth)
    precision = true / (above.sum(axis=1) + EPS)
    recall = true / (total @ truth + EPS)
    return dict(
        precision_curve=precision,
        recall_curve=recall,
        f_curve=f_measure(precision, recall),
        false_positive_rate_curve=false / (total @ (1 - truth) + EPS),
    )


def _alignment(above: np.ndarray, total: np.ndarray, truth: np.ndarray) -> np.ndarray:
    pixels = total.sum()
    truth = truth - total @ truth / pixels
    mean_map = above.sum(axis=1, keepdims=True) / pixels
    value = np.zeros(len(above))
    for count, away in ((above, 1 - mean_map), (total - above, -mean_map)):
        alignment = 2 * truth * away / (truth * truth + away * away + EPS)
        value += (count * (alignment + 1) ** 2 / 4).sum(axis=1)
    return value / (pixels - 1 + EPS)


def _structure(prediction: np.ndarray, ground_truth: np.ndarray, joint: np.ndarray, truth: np.ndarray) -> float:
    # Whether it is empty or full is asked of the grey ground truth; otherwise half grey is object.
    mean = joint.sum(axis=0) @ truth / joint.sum()
    mask = np.full(ground_truth.shape, bool(mean)) if mean in (0, 1) else ground_truth >= 128
    pair = GreyPair(prediction, mask, normalize=True)
    return structure_measure(pair, centre_in_first_block=False, eps=EPS)


def cosod_summary(scores: Iterable[Scores]) -> Scores:
    """Metrics of a co-saliency data set: all images of all groups count the same.

    Args:
        scores: Results of `cosod_scores`.

    Returns:
        The averaged scores and curves, `max_f`, `mean_f`, `max_e`, `mean_e` of the averaged curves, `average_precision`
        (area under the mean precision-recall curve with precision made monotone, as in PASCAL VOC) and `auc` (trapezoid
        over the mean ROC curve, without the point (0, 0)).

    Raises:
        DataError: There is none.

    Examples:
        >>> truth = np.zeros((8, 8), np.uint8)
        >>> truth[2:5, 2:5] = 255
        >>> summary = cosod_summary([cosod_scores(truth, truth), cosod_scores(255 - truth, truth)])
        >>> round(summary['mae'], 4), round(summary['max_f'], 4)
        (0.5, 0.5)
    """
    mean = average_scores(scores)
    for name in ('f', 'e'):
        mean[f'max_{name}'] = float(np.max(mean[f'{name}_curve']))
        mean[f'mean_{name}'] = float(np.mean(mean[f'{name}_curve']))
    # From the highest threshold on, so that recall and false positive rate ascend.
    precision, recall, false_rate = (
        np.asarray(mean[f'{name}_curve'])[::-1] for name in ('precision', 'recall', 'false_positive_rate')
    )
    mean['average_precision'] = _monotone_area(precision, recall)
    mean['auc'] = float(np.dot(np.diff(false_rate), recall[1:] + recall[:-1]) / 2)
    return mean


def _monotone_area(precision: np.ndarray, recall: np.ndarray) -> float:
    precision = np.concatenate(([0.0], precision, [0.0]))
    recall = np.concatenate(([0.0], recall, [1.0]))
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.dot(np.diff(recall), envelope[1:]))
