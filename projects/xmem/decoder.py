"""From what was read in the memory to masks."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from projects.xmem.blocks import FusionBlock, SensoryCell, UpsampleBlock, repeat_objects


class SensoryUpdate(nn.Module):
    """Update of the sensory memory from three levels of the decoder."""

    def __init__(self, widths: tuple[int, int, int], middle: int, hidden: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(nn.Conv2d(width, middle, 1) for width in widths)
        self.cell = SensoryCell(middle, hidden)

    def forward(self, levels: list[Tensor], hidden: Tensor) -> Tensor:
        """Levels at stride 16, 8, 4, (N, C_i, h_i, w_i), and the state (N, hidden, h, w) to the new state."""
        reduced = [F.interpolate(x, scale_factor=0.5**i, mode='area') if i else x for i, x in enumerate(levels)]
        return self.cell(sum(conv(x) for conv, x in zip(self.levels, reduced)), hidden)


class Decoder(nn.Module):
    """Masks from the read-out, the sensory memory and the image's features, each object for itself.

    Args:
        features: Channels of the image at strides 4, 8 and 16.
        value: Channels of the read-out.
        hidden: Channels of the sensory memory; 0 for none.
        width: Channels at stride 8 and 4; stride 16 has twice as many.
    """

    def __init__(self, features: tuple[int, int, int], value: int, hidden: int, width: int = 256) -> None:
        super().__init__()
        self.fuser = FusionBlock(features[2], value + hidden, 2 * width, 2 * width)
        self.update = SensoryUpdate((2 * width, width, width + 1), width, hidden) if hidden else None
        self.up8 = UpsampleBlock(features[1], 2 * width, width)
        self.up4 = UpsampleBlock(features[0], width, width)
        self.predict = nn.Conv2d(width, 1, 3, padding=1)

    def forward(
        self, features: list[Tensor], readout: Tensor, hidden: Tensor | None, update: bool = True
    ) -> tuple[Tensor, Tensor | None]:
        """Logits (B, K, H, W) and the sensory memory after the normal update.

        Args:
            features: Of the frames, strides 4, 8, 16, (B, C, h, w) each.
            readout: (B, K, value, h, w).
            hidden: (B, K, hidden, h, w) or None.
            update: Whether the sensory memory is updated; else it is returned as it came.
        """
        f4, f8, f16 = features
        objects = readout.shape[1]
        own = readout if hidden is None else torch.cat([readout, hidden], 2)
        g16 = self.fuser(repeat_objects(f16, objects), own.flatten(0, 1))
        g8 = self.up8(f8, g16, objects)
        g4 = self.up4(f4, g8, objects)
        small = self.predict(F.relu(g4))
        if update and self.update is not None and hidden is not None:
            levels = [g16, g8, torch.cat([g4, small], 1)]
            hidden = self.update(levels, hidden.flatten(0, 1)).unflatten(0, (-1, objects))
        logits = F.interpolate(small, scale_factor=4, mode='bilinear', align_corners=False)
        return logits.squeeze(1).unflatten(0, (-1, objects)), hidden
