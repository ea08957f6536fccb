"""Inputs beside the frames: optical flow and guidance masks."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from salseg.datasets.flow import FlowCache, FlowEstimator, FlowFiles, FramePair, build_estimator
from salseg.datasets.guidance import image_digest, read_guidance, read_mask_record
from salseg.datasets.transforms.base import FrameTransform, Results, mirrored
from salseg.errors import ConfigError, DataError
from salseg.registry import TRANSFORMS


def _neighbours(count: int) -> list[tuple[int, int]]:
    return [(1, 0), (1, 2)]


def _both_ways(count: int) -> list[tuple[int, int]]:
    return [(1, 0), (1, 2), (0, 1), (2, 1)]


def _next(count: int) -> list[tuple[int, int]]:
    return [(t, min(t + 1, count - 1)) for t in range(count)]


def _previous(count: int) -> list[tuple[int, int]]:
    return [(t, max(t - 1, 0)) for t in range(count)]


_PAIRS: dict[str, Callable[[int], list[tuple[int, int]]]] = {
    'neighbours': _neighbours,
    'neighbours-both-ways': _both_ways,
    'next': _next,
    'previous': _previous,
}


def flow_pairs(pairs: str, count: int, where: str) -> list[tuple[int, int]]:
    """Places (first, second) in a clip of so many frames between which `ComputeFlow` gives the flow, in its order.

    Raises:
        DataError: Neighbours of a clip that has not three frames; ``where`` names it.
    """
    if pairs.startswith('neighbours') and count != 3:
        raise DataError(f'{where}: ComputeFlow(pairs={pairs!r}) takes clips of three frames, found {count}.')
    return _PAIRS[pairs](count)


@TRANSFORMS.register_module()
class ComputeFlow(FrameTransform):
    """Add ``flow``; comes after all geometric transforms, so that no vector ever has to be transformed.

    Args:
        estimator: Config of the FLOWS registry, DISFlow (the default), FarnebackFlow, RAFTFlow or FlowFiles; or a name,
            'dis', 'farneback', 'raft' or 'raft-large'. The key ``flow_estimator`` of a config sets it in all pipelines.
        pairs: 'neighbours', of a clip of three from the middle frame to the first and to the last;
            'neighbours-both-ways', these two and then both back, for a forward-backward check; 'next', from each
            frame to the next; 'previous'. At the end of a clip a frame is paired with itself and its flow is 0.
        cache: Folder to keep flow in between epochs and runs; None keeps nothing. Useless behind random crops, whose
            images never come again. Flow that is read from files is not kept twice.

    Raises:
        ConfigError: The pairs are unknown.
    """

    def __init__(
        self,
        estimator: str | Mapping[str, Any] | FlowEstimator | None = None,
        pairs: Literal['neighbours', 'neighbours-both-ways', 'next', 'previous'] = 'neighbours',
        cache: str | None = None,
    ) -> None:
        if pairs not in _PAIRS:
            raise ConfigError(f'ComputeFlow: pairs={pairs!r}; expected one of {", ".join(_PAIRS)}.')
        built = build_estimator(estimator)
        self.flow = built if cache is None or isinstance(built, FlowFiles) else FlowCache(built, cache)
        self.pairs = pairs

    def transform(self, results: Results) -> Results:
        """Add ``flow`` (pairs, 2, H, W) float32 in pixels, dx then dy.

        Raises:
            DataError: 'neighbours' of a clip that has not three frames, or see the estimator.
        """
        places = flow_pairs(self.pairs, len(results['frames']), f'{results["dataset"]} / {results["set_id"]}')
        flows = [self._one(results, first, second) for first, second in places]
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


@TRANSFORMS.register_module()
class LoadGuidance(FrameTransform):
    """Read the masks that ``salseg precompute guidance`` wrote as ``guidance``; comes after resizing and flipping.

    Args:
        folder: What was written.
        check: Compare the digest of each image's file with that of the image that the mask was made of.

    Raises:
        DataError: The folder holds no such masks.
    """

    def __init__(self, folder: str, check: bool = True) -> None:
        self.folder = Path(folder)
        self.check = check
        self.record = read_mask_record(self.folder)

    def transform(self, results: Results) -> Results:
        """Add ``guidance``, (1, h, w) float32 in [0, 1] per frame.

        Raises:
            DataError: A mask is missing or of another image, or frames were cropped.
        """
        results['guidance'] = [self._mask(results, frame) for frame in range(len(results['frame_ids']))]
        return results

    def _mask(self, results: Results, frame: int) -> np.ndarray:
        key, path = f'{results["set_id"]}/{results["frame_ids"][frame]}', results['frame_paths'][frame]
        known = self.record.items.get(key)
        if known is None:
            raise DataError(
                f'{self.folder} has no mask of {key}, only of {len(self.record.items)} other frames. Run `salseg '
                'precompute guidance` on this data set.'
            )
        if self.check and known['image'] != image_digest(path):
            raise DataError(f'the mask of {key} in {self.folder} is of another image than {path}: make it again.')
        geometry = results['geometry'][frame]
        height, width = geometry.ori_shape
        if geometry.crop != (0.0, 0.0, float(width), float(height)):
            raise DataError(f'{key}: masks of whole images do not fit a cropped frame; leave out the crop.')
        mask = read_guidance(self.folder / f'{key}.png')
        return (mirrored(mask) if geometry.flip else np.ascontiguousarray(mask))[None]
