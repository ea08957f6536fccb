"""Flow between frames far apart, put together from flow over the frames between."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from salseg.datasets.flow.base import FlowEstimator, FramePair
from salseg.errors import ConfigError
from salseg.ops import compose_flows, inside_frame


class FlowChain:
    """Flow between any two frames of one video, composed of steps from frame to frame.

    Estimators find motion up to about a tenth of the image; between frames far apart it is larger, over each step it is
    not. Errors add up along the chain, and a pixel that is hidden on the way is lost.

    Args:
        estimator: Of each step.
        read: Frame number to (H, W, 3) RGB.
        step: Frames of a step; the last one may be shorter.
        where: Data set, video, and id of each frame, for messages.
        kept: Steps and frames to keep in memory, since the flows of neighbouring pairs have steps in common.

    Raises:
        ConfigError: The step is not positive.
    """

    def __init__(
        self,
        estimator: FlowEstimator,
        read: Callable[[int], np.ndarray],
        step: int = 1,
        where: tuple[str, str, Sequence[str]] = ('', '', ()),
        kept: int = 24,
    ) -> None:
        if step < 1:
            raise ConfigError(f'FlowChain: step={step}; expected a number of frames of at least 1.')
        self.step = step
        self._frame = frame = lru_cache(kept)(read)
        dataset, set_id, ids = where

        # No method: a cache that holds its own object would keep a video's flow until the next collection of cycles.
        def one(first: int, second: int) -> Tensor:
            here, there = (ids[index] if ids else str(index) for index in (first, second))
            flow = estimator(FramePair(frame(first), frame(second), dataset, set_id, here, there))
            return torch.from_numpy(flow).permute(2, 0, 1)[None]

        self._flow = lru_cache(kept)(one)

    def positions(self, first: int, second: int) -> list[int]:
        """Frames that the chain from one to another visits, both included."""
        way = self.step if second >= first else -self.step
        return [*range(first, second, way), second]

    def __call__(self, first: int, second: int) -> tuple[np.ndarray, np.ndarray]:
        """The flow from one frame to another one.

        Returns:
            (H, W, 2) float32 pixels, and bool (H, W): whose point stays inside the frame on the whole way. The flow of
            others continues from the nearest border pixel.
        """
        if first == second:
            shape = self._frame(first).shape[:2]
            return np.zeros((*shape, 2), np.float32), np.ones(shape, bool)
        at = self.positions(first, second)
        total = self._flow(at[0], at[1])
        valid = inside_frame(total)
        for here, there in pairwise(at[1:]):
            total, _ = compose_flows(total, self._flow(here, there))
            valid = valid & inside_frame(total)
        return total[0].permute(1, 2, 0).numpy().copy(), valid[0, 0].numpy()
