"""What every estimator of optical flow takes and gives."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from salseg.errors import ConfigError, DataError
from salseg.registry import FLOWS
from salseg.structures import FrameGeometry

# What one word stands for, in configs and on the command line.
ESTIMATORS: dict[str, dict[str, Any]] = {
    'dis': dict(type='DISFlow'),
    'farneback': dict(type='FarnebackFlow'),
    'raft': dict(type='RAFTFlow', size='small'),
    'raft-large': dict(type='RAFTFlow', size='large'),
}


@dataclass(frozen=True)
class FramePair:
    """Two frames at network size.

    Attributes:
        first, second: (H, W, 3) RGB, uint8 or float on the 0-255 scale. The flow is aligned to the first: its pixel p
            is found at p + flow(p) in the second.
        dataset, set_id: Where they come from.
        first_id, second_id: Frames of that set.
        first_geometry, second_geometry: What was done to them.
    """

    first: np.ndarray
    second: np.ndarray
    dataset: str = ''
    set_id: str = ''
    first_id: str = ''
    second_id: str = ''
    first_geometry: FrameGeometry | None = None
    second_geometry: FrameGeometry | None = None

    @property
    def where(self) -> str:
        """Human-readable place."""
        return f'{self.dataset} / {self.set_id} / {self.first_id} to {self.second_id}'

    def digest(self) -> str:
        """Fingerprint of both images as they are now, 32 hexadecimal digits."""
        state = hashlib.blake2b(digest_size=16)
        for frame in (self.first, self.second):
            state.update(f'{frame.shape}/{frame.dtype}/'.encode())
            state.update(np.ascontiguousarray(frame).data)
        return state.hexdigest()


class FlowEstimator:
    """Flow from the first frame of a pair to the second."""

    def settings(self) -> dict[str, str | int | float | bool]:
        """Everything that the result depends on besides the images; part of a cache entry's key."""
        raise TypeError(f'{type(self).__name__} must define settings')

    def estimate(self, pair: FramePair) -> np.ndarray:
        """(H, W, 2) float32 in pixels, dx then dy."""
        raise TypeError(f'{type(self).__name__} must define estimate')

    def __call__(self, pair: FramePair) -> np.ndarray:
        """The flow, checked.

        Raises:
            DataError: The frames differ in size, or the flow has another size than they.
        """
        if pair.first.shape != pair.second.shape:
            raise DataError(
                f'{pair.where}: frames of different sizes ({pair.first.shape[:2]} and {pair.second.shape[:2]}) have no '
                'flow. Put a Resize before ComputeFlow.'
            )
        flow = np.asarray(self.estimate(pair), np.float32)
        if flow.shape != (*pair.first.shape[:2], 2) or not np.isfinite(flow).all():
            raise DataError(
                f'{pair.where}: {type(self).__name__} gave a flow of shape {flow.shape}'
                f'{"" if np.isfinite(flow).all() else " with values that are not finite"}; expected finite '
                f'{(*pair.first.shape[:2], 2)}.'
            )
        return flow


def estimator_config(named: str | Mapping[str, Any]) -> dict[str, Any]:
    """The config of an estimator that is named by one word of `ESTIMATORS`, or is a config already.

    Raises:
        ConfigError: There is no such name, or the config has no type.
    """
    if isinstance(named, str) and named in ESTIMATORS:
        return dict(ESTIMATORS[named])
    if isinstance(named, Mapping) and 'type' in named:
        return dict(named)
    raise ConfigError(
        f'no estimator of optical flow is called {named!r}; expected {", ".join(ESTIMATORS)}, or a config such as '
        "dict(type='FlowFiles', root='data/flow')."
    )


def build_estimator(named: 'str | Mapping[str, Any] | FlowEstimator | None' = None) -> FlowEstimator:
    """An estimator from a name, a config of the FLOWS registry, or itself; DISFlow by default.

    Raises:
        ConfigError: See `estimator_config`.
    """
    return named if isinstance(named, FlowEstimator) else FLOWS.build(estimator_config(named or 'dis'))
