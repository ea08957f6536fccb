"""8-bit maps as the released code of RCRNet writes them."""

from typing import Literal

import numpy as np
from PIL import Image

_FILTERS = {'nearest': Image.Resampling.NEAREST, 'bicubic': Image.Resampling.BICUBIC}


def released_grey(
    probability: np.ndarray, size: tuple[int, int], resample: Literal['nearest', 'bicubic'] = 'nearest'
) -> np.ndarray:
    """Round down to 8 bits at the size of the network, then resize the grey image.

    Args:
        probability: (h, w) in [0, 1].
        size: Height and width of the result.
        resample: Pillow's default filter was 'nearest' before version 7, which the release was written for, and is
            'bicubic' since.

    Returns:
        (*size) uint8.
    """
    grey = Image.fromarray(np.floor(255 * np.asarray(probability, np.float32)).astype(np.uint8))
    return np.array(grey.resize((size[1], size[0]), _FILTERS[resample]))
