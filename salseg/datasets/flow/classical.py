"""Estimators of OpenCV: no weights, milliseconds a pair."""

from typing import Literal

import cv2
import numpy as np

from salseg.datasets.flow.base import FlowEstimator, FramePair
from salseg.errors import ConfigError
from salseg.registry import FLOWS

_PRESETS = {
    'ultrafast': cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    'fast': cv2.DISOPTICAL_FLOW_PRESET_FAST,
    'medium': cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


def grey(frame: np.ndarray) -> np.ndarray:
    """(H, W, 3) RGB on the 0-255 scale to (H, W) uint8."""
    image = frame if frame.dtype == np.uint8 else np.rint(frame).clip(0, 255).astype(np.uint8)
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


@FLOWS.register_module()
class DISFlow(FlowEstimator):
    """Dense inverse search (Kroeger et al., ECCV 2016).

    On one synthetic pair of moderate motion 'medium' has the least error of the presets and of Farneback; displacements
    beyond a tenth of the image are missed by all of them.

    Args:
        preset: 'ultrafast', 'fast' or 'medium'.

    Raises:
        ConfigError: The preset is unknown.
    """

    def __init__(self, preset: Literal['ultrafast', 'fast', 'medium'] = 'medium') -> None:
        if preset not in _PRESETS:
            raise ConfigError(f'DISFlow: preset={preset!r}; expected one of {", ".join(_PRESETS)}.')
        self.preset = preset

    def settings(self) -> dict[str, str | int | float | bool]:
        """Preset and OpenCV's version."""
        return dict(type='DISFlow', preset=self.preset, opencv=cv2.__version__)

    def estimate(self, pair: FramePair) -> np.ndarray:
        """(H, W, 2) float32 in pixels."""
        # Made anew: OpenCV's object keeps buffers and is not safe to share between threads or pickled to workers.
        flow = cv2.DISOpticalFlow.create(_PRESETS[self.preset])
        # OpenCV takes None, no flow to start from, where its stub asks for an array.
        return flow.calc(grey(pair.first), grey(pair.second), None)  # type: ignore[call-overload]


@FLOWS.register_module()
class FarnebackFlow(FlowEstimator):
    """Polynomial expansion (Farneback, SCIA 2003).

    Args:
        scale: Of one pyramid level to the next.
        levels: Of the pyramid.
        window: Side of the averaging window in pixels.
        iterations: At each level.
        poly_n: Side of the neighbourhood of the expansion.
        poly_sigma: Of its Gaussian weights.
    """

    def __init__(
        self,
        scale: float = 0.5,
        levels: int = 5,
        window: int = 15,
        iterations: int = 3,
        poly_n: int = 5,
        poly_sigma: float = 1.2,
    ) -> None:
        self.arguments = (scale, levels, window, iterations, poly_n, poly_sigma)

    def settings(self) -> dict[str, str | int | float | bool]:
        """All arguments and OpenCV's version."""
        names = ('scale', 'levels', 'window', 'iterations', 'poly_n', 'poly_sigma')
        return dict(type='FarnebackFlow', opencv=cv2.__version__, **dict(zip(names, self.arguments)))

    def estimate(self, pair: FramePair) -> np.ndarray:
        """(H, W, 2) float32 in pixels."""
        first, second = grey(pair.first), grey(pair.second)
        # Written to, not read: the flag for a flow to start from is not set.
        flow = np.zeros((*first.shape, 2), np.float32)
        return cv2.calcOpticalFlowFarneback(first, second, flow, *self.arguments, 0)
