"""Bring a prediction to the size of its ground truth."""

from typing import Literal

import cv2
import numpy as np
from PIL import Image

from salseg.errors import DataError

Interpolation = Literal['linear', 'cubic', 'pillow']


def resize_prediction(
    prediction: np.ndarray, size: tuple[int, int], interpolation: Interpolation = 'linear'
) -> np.ndarray:
    """Resize a map; the ground truth is never resized.

    Args:
        prediction: (H, W), uint8 or float.
        size: Height and width of the ground truth.
        interpolation: 'linear' is OpenCV's bilinear, as PySODEvalToolkit does for images; 'cubic' OpenCV's bicubic,
            as it does for groups and videos; 'pillow' Pillow's bilinear, which averages when it shrinks, as
            eval-co-sod does.

    Returns:
        A map of that size and of the same dtype; the prediction itself if it has that size.

    Raises:
        DataError: The map is not (H, W), or the interpolation is unknown.

    Examples:
        >>> resize_prediction(np.zeros((2, 2), np.uint8), (4, 6)).shape
        (4, 6)
    """
    if prediction.ndim != 2:
        raise DataError(f'the prediction has shape {prediction.shape}; a saliency map is (height, width).')
    if tuple(size) == prediction.shape:
        return prediction
    height, width = size
    if interpolation == 'pillow':
        return np.asarray(Image.fromarray(prediction).resize((width, height), Image.Resampling.BILINEAR))
    flags = {'linear': cv2.INTER_LINEAR, 'cubic': cv2.INTER_CUBIC}
    if interpolation not in flags:
        raise DataError(f"interpolation {interpolation!r} is unknown; expected 'linear', 'cubic' or 'pillow'.")
    resized = cv2.resize(prediction, (width, height), interpolation=flags[interpolation])
    # Bicubic overshoots; a map stays in its range.
    return np.clip(resized, 0, 1) if np.issubdtype(resized.dtype, np.floating) else resized
