"""All that a prediction may see."""

from dataclasses import dataclass

from torch import Tensor


@dataclass
class FrameInputs:
    """Network input of a batch of B sets with T frames each. It never holds a training label.

    Attributes:
        frames: (B, T, 3, H, W) float, RGB, normalised.
        prompt: What the user marked (masks or boxes), or labels of neighbouring frames; the model's project says which shape.
        flow: Optical flow in pixels, (B, T, 2, H, W) unless the project says otherwise.
        guidance: (B, T, 1, h, w) masks computed beforehand, in [0, 1].
        images: (B, T, 3, H, W) uint8 RGB before normalisation; kept in training, where losses read colours.
        padding: (B, T, H, W) bool, True where a pixel was added by the preprocessor; None if nothing was.
    """

    frames: Tensor
    prompt: Tensor | None = None
    flow: Tensor | None = None
    guidance: Tensor | None = None
    images: Tensor | None = None
    padding: Tensor | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Network size (H, W)."""
        return tuple(self.frames.shape[-2:])

    def fold(self) -> Tensor:
        """Frames as one batch, (B*T, 3, H, W)."""
        return self.frames.flatten(0, 1)
