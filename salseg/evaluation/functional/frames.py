"""Videos of labels: 0 is background, 1, 2, ... are objects, 255 is void."""

from collections.abc import Sequence

import numpy as np

from salseg.errors import DataError

VOID = 255

# (H, W) arrays; any sequence will do, so a video need not be held in memory.
Frames = Sequence[np.ndarray]


def objects_of_first_frame(ground_truth: Frames) -> tuple[int, ...]:
    """Labels 1..K of the first frame.

    Raises:
        DataError: There is no frame, the frame has no object, or the labels are not 1..K.
    """
    if not len(ground_truth):
        raise DataError('the ground truth has no frame.')
    labels = [int(k) for k in np.unique(ground_truth[0]) if k not in (0, VOID)]
    if labels != list(range(1, len(labels) + 1)):
        raise DataError(
            f'the first frame of the ground truth has the labels {labels}; expected 1..{len(labels)} '
            'without a gap. Renumber the objects, in the prediction too.'
        )
    if not labels:
        raise DataError('the first frame of the ground truth has no object, so there is nothing to score.')
    return tuple(labels)


def scored_frames(ground_truth: Frames, prediction: Frames, skip_first_last: bool) -> range:
    """Numbers of the frames that count.

    Raises:
        DataError: The videos are not of the same length, or too short.
    """
    if len(ground_truth) != len(prediction):
        raise DataError(f'the ground truth has {len(ground_truth)} frames, the prediction {len(prediction)}.')
    numbers = range(1, len(ground_truth) - 1) if skip_first_last else range(len(ground_truth))
    if not len(numbers):
        rule = ', and the first and the last one do not count' if skip_first_last else ''
        raise DataError(f'no frame is left to score: the video has {len(ground_truth)}{rule}.')
    return numbers


def checked_labels(ground_truth: np.ndarray, prediction: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """One frame of both sides, after a check that they are (H, W) labels of one shape."""
    for name, labels in (('ground truth', ground_truth), ('prediction', prediction)):
        if labels.ndim != 2 or labels.dtype.kind not in 'bu':
            raise DataError(
                f'frame {number} of the {name} is {labels.dtype} of shape {labels.shape}; expected labels '
                'of dtype uint8 and shape (height, width).'
            )
    if ground_truth.shape != prediction.shape:
        raise DataError(
            f'frame {number}: the prediction has shape {prediction.shape}, the ground truth '
            f'{ground_truth.shape}. Labels are scored at the original size of the frame.'
        )
    return ground_truth, prediction
