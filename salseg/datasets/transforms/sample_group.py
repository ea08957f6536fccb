"""Take some members of a group."""

from typing import Literal

import numpy as np

from salseg.datasets.transforms.base import PER_FRAME, FrameTransform, Results
from salseg.errors import ConfigError, DataError
from salseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class SampleGroup(FrameTransform):
    """Draw members of a group without replacement, in random order; stands first in a training pipeline.

    Groups are never padded with invented frames: such frames would take part in every vote of the group.

    Args:
        num_frames: Members to draw.
        short: A group with fewer: 'keep' all it has, which needs one group per batch; 'repeat' members until there are
            enough, each about equally often; 'refuse'.

    Raises:
        ConfigError: An option is out of range.
    """

    def __init__(self, num_frames: int = 16, short: Literal['keep', 'repeat', 'refuse'] = 'keep') -> None:
        if num_frames < 1 or short not in ('keep', 'repeat', 'refuse'):
            raise ConfigError(
                f"SampleGroup: num_frames={num_frames} is at least 1, short={short!r} 'keep', 'repeat' or 'refuse'."
            )
        self.num_frames = num_frames
        self.short = short

    def transform(self, results: Results) -> Results:
        """Keep the drawn members.

        Raises:
            DataError: The group is too small and that is refused.
        """
        count = len(results['frame_paths'])
        if count < self.num_frames and self.short == 'refuse':
            raise DataError(
                f'{results["dataset"]} / {results["set_id"]} has {count} frames, fewer than {self.num_frames}. Set '
                "SampleGroup(short='keep') with batch_size=1, or short='repeat'."
            )
        chosen = choose_members(self.rng(results), count, self.num_frames, self.short == 'repeat')
        present = [name for name in PER_FRAME if results.get(name) is not None]
        return {**results, **{name: [results[name][member] for member in chosen] for name in present}}


def choose_members(rng: np.random.Generator, count: int, wanted: int, repeat: bool) -> list[int]:
    """Numbers below ``count`` in random order: ``wanted`` different ones, or all; with ``repeat`` rounds of all of
    them.

    Args:
        rng: Drawn from once per round.
        count: Members of the group.
        wanted: How many to draw.
        repeat: Whether a member may come again once all have come.
    """
    chosen = rng.permutation(count).tolist()
    while repeat and len(chosen) < wanted:
        chosen += rng.permutation(count).tolist()
    return chosen[:wanted]
