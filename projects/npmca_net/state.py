"""What NPMCA-net remembers of a video."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass
class NPMCAState:
    """State of one video between two frames: its size depends on the number of objects only.

    Attributes:
        object_ids: Of the objects tracked, in the order of all tensors.
        first: At each scale, the matched features of every object's own first frame, (K, C, h, w).
        frame: Previous frame (3, H, W), padded.
        masks: Probabilities of the previous frame (K, H, W), padded.
        union_frame, union_masks: The last frame with a prompt, and all objects' masks there.
        union: At each scale, features of all objects together in that frame, (1, C, h, w); None until they are needed.
    """

    object_ids: list[int] = field(default_factory=list)
    first: list[Tensor] = field(default_factory=list)
    frame: Tensor | None = None
    masks: Tensor | None = None
    union_frame: Tensor | None = None
    union_masks: Tensor | None = None
    union: list[Tensor] | None = None

    def clear(self) -> None:
        """Back to the state before the first prompt."""
        self.__init__()

    def tensors(self) -> list[Tensor]:
        """All that is stored."""
        singles = (self.frame, self.masks, self.union_frame, self.union_masks)
        return [*self.first, *(self.union or []), *(x for x in singles if x is not None)]

    def state_dict(self) -> dict[str, Any]:
        """Numbers and tensors that :meth:`load_state_dict` takes back."""
        return dict(vars(self))

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave."""
        self.__init__(**state)
