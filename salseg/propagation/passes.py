"""Which frames of a video are visited, in which direction, and which objects each pass answers for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from salseg.errors import DataError
from salseg.propagation.prompt import Prompt


@dataclass(frozen=True)
class TrackPlan:
    """Passes over a video.

    The forward pass visits frames in order with all prompts. With ``backward`` another one precedes it: from the last
    frame at which an object is given for the first time, `turn`, down to frame 0, with the prompts of these frames. In the
    frames before its first prompt an object's mask is that of the backward pass, from there on that of the forward pass;
    a pixel that both give to an object is the forward pass's.

    Attributes:
        prompts: By the number of the frame, from 0.
        backward: Whether frames before the prompts are answered.
        permanent: Frames without a prompt that stay in the memory for good.
        every: Frames 0, n, 2 n, ... are visited, besides those with a prompt and permanent ones.

    Raises:
        DataError: There is no prompt, a number is below 0 (every: 1), or a permanent frame comes before all prompts.
    """

    prompts: Mapping[int, Prompt]
    backward: bool = False
    permanent: Collection[int] = ()
    every: int = 1

    def __post_init__(self) -> None:
        if not self.prompts:
            raise DataError('nothing to track: give at least one prompt, --mask FILE or --box id:x0,y0,x1,y1.')
        if self.every < 1:
            raise DataError(f'every={self.every}; expected 1 or more: every n-th frame is tracked.')
        early = sorted(number for number in self.permanent if number < (0 if self.backward else min(self.prompts)))
        if early:
            raise DataError(
                f'the frames {early} cannot be permanent: they come before the first prompt, in frame {min(self.prompts)}, '
                'and nothing is known there. Track backwards too (--backward), or choose later ones.'
            )

    @cached_property
    def first(self) -> dict[int, int]:
        """By id, the first frame that gives the object."""
        return {index: number for number in sorted(self.prompts, reverse=True) for index in self.prompts[number].ids}

    @property
    def turn(self) -> int:
        """Frame at which the backward pass begins; 0 where there is none."""
        return max(self.first.values()) if self.backward else 0

    @property
    def begin(self) -> int:
        """Frame at which the forward pass begins."""
        return min(self.prompts) if self.backward else 0

    def visits(self, number: int) -> bool:
        """Whether a frame is tracked."""
        return number % self.every == 0 or number in self.prompts or number in self.permanent

    def later(self, number: int) -> list[int]:
        """Objects for which the backward pass answers in a frame."""
        return [index for index, first in self.first.items() if number < first] if self.backward else []

    def merged(self, number: int, forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
        """Labels (H, W) uint8 of a frame from those of both passes."""
        return np.where((forward == 0) & np.isin(backward, self.later(number)), backward, forward)
