"""Optical flow of the frames as the network will see them."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from salseg.datasets.flow import FlowCache, FlowEstimator, FramePair
from salseg.datasets.transforms.base import FrameTransform, Results
from salseg.errors import ConfigError, DataError
from salseg.registry import FLOWS, TRANSFORMS


def _neighbours(count: int) -> list[tuple[int, int]]:
    return [(1, 0), (1, 2)]


def _next(count: int) -> list[tuple[int, int]]:
    return [(t, min(t + 1, count - 1)) for t in range(count)]


def _previous(count: int) -> list[tuple[int, int]]:
    return [(t, max(t - 1, 0)) for t in range(count)]


_PAIRS: dict[str, Callable[[int], list[tuple[int, int]]]] = {
    'neighbours': _neighbours,
    'next': _next,
    'previous': _previous,
}


@TRANSFORMS.register_module()
class ComputeFlow(FrameTransform):
    """Add ``flow``; comes after all geometric transforms, so that no vector ever has to be transformed.

    Args:
        estimator: Config of the FLOWS registry: DISFlow (the default), FarnebackFlow, RAFTFlow, FlowFiles.
        pairs: 'neighbours', of a clip of three from the middle frame to the first and to the last; 'next', from each
            frame to the next; 'previous'. At the end of a clip a frame is paired with itself and its flow is 0.
        cache: Folder to keep flow in between epochs and runs; None keeps nothing. Useless behind random crops, whose
            images never come again.

    Raises:
        ConfigError: The pairs are unknown.
    """

    def __init__(
        self,
        estimator: Mapping[str, Any] | FlowEstimator | None = None,
        pairs: Literal['neighbours', 'next', 'previous'] = 'neighbours',
        cache: str | None = None,
    ) -> None:
        if pairs not in _PAIRS:
            raise ConfigError(f'ComputeFlow: pairs={pairs!r}; expected one of {", ".join(_PAIRS)}.')
        if not isinstance(estimator, FlowEstimator):
            estimator = FLOWS.build(dict(estimator or {'type': 'DISFlow'}))
        self.flow = estimator if cache is None else FlowCache(estimator, cache)
        self.pairs = pairs

    def transform(self, results: Results) -> Results:
        """Add ``flow`` (pairs, 2, H, W) float32 in pixels, dx then dy.

        Raises:
            DataError: 'neighbours' of a clip that has not three frames, or see the estimator.
        """
        count = len(results['frames'])
        if self.pairs == 'neighbours' and count != 3:
            raise DataError(
                f"{results['dataset']} / {results['set_id']}: ComputeFlow(pairs='neighbours') takes clips of three "
                f'frames, found {count}.'
            )
        flows = [self._one(results, first, second) for first, second in _PAIRS[self.pairs](count)]
        results['flow'] = np.stack(flows).transpose(0, 3, 1, 2).copy()
        return results

    def _one(self, results: Results, first: int, second: int) -> np.ndarray:
        frames, ids, geometry = results['frames'], results['frame_ids'], results['geometry']
        if first == second:
            return np.zeros((*frames[first].shape[:2], 2), np.float32)
        pair = FramePair(
            frames[first], frames[second], results['dataset'], results['set_id'], ids[first], ids[second],
            geometry[first], geometry[second],
        )  # fmt: skip
        return self.flow(pair)
