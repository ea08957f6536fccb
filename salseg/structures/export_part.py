"""A part of a model as it leaves Python."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class ExportPart:
    """A module with an example of its input.

    Attributes:
        module: Takes and gives tensors, by position.
        example: Its arguments; their sizes become the file's.
        inputs: Their names.
        outputs: Names of what it gives.
    """

    module: nn.Module
    example: tuple[Tensor, ...]
    inputs: Sequence[str]
    outputs: Sequence[str]
