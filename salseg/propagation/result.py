"""What tracking a video gives, and what it costs."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor


@dataclass
class FrameResult:
    """Answer for one frame.

    Attributes:
        probability: (1 + K, H, W) float in [0, 1], background first, then the objects in the order of ``object_ids``.
        object_ids: The user's own ids of the objects tracked.
    """

    probability: Tensor
    object_ids: tuple[int, ...]

    @cached_property
    def labels(self) -> np.ndarray:
        """(H, W) uint8: the most probable object's id at each pixel, 0 background."""
        ids = torch.tensor((0, *self.object_ids), dtype=torch.uint8, device=self.probability.device)
        return ids[self.probability.argmax(0)].cpu().numpy()


@dataclass(frozen=True)
class MemoryReport:
    """What a propagator holds between two frames.

    Attributes:
        elements: Stored positions or maps by name; the model's page says how each is bounded.
        bytes: Size of all stored tensors.
    """

    elements: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
