"""Write images in one step: a killed run leaves no half a file."""

import os
from pathlib import Path

import cv2
import numpy as np

from salseg.errors import DataError
from salseg.io.files import replacing


def write_png(path: str | os.PathLike, image: np.ndarray, durable: bool = True) -> Path:
    """Write a PNG under a temporary name, then rename.

    Args:
        path: Target; its folder is made.
        image: (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA, uint8.
        durable: See :func:`salseg.io.files.replacing`.

    Returns:
        The path.

    Raises:
        DataError: The file cannot be written.
    """
    path = Path(path)
    order = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    if image.ndim == 3:
        image = cv2.cvtColor(image, order[image.shape[2]])
    _, data = cv2.imencode('.png', image)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, durable) as temporary:
            temporary.write_bytes(data.tobytes())
    except OSError as error:
        raise DataError(f'{path} cannot be written: {error}. Free some space or choose another --out.') from error
    return path
