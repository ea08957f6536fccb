"""What NPMCA-net remembers of a video."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass
class NPMCAState:
    """State of one video between two frames: its size depends on the number of objects only.

    Attributes:
        object_ids: Of the objects followed, in the order of all tensors.
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

    def plain(self) -> dict[str, Any]:
        """Numbers and tensors that :meth:`fill` takes back."""
        return dict(vars(self))

    def fill(self, plain: Mapping[str, Any]) -> None:
        """Take over what :meth:`plain` gave."""
        self.__init__(**plain)
