"""The pixel-wise classifier of RCRNet: refinement from coarse to fine, then a prediction at full size."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.models.fitting import Takes
from salseg.models.layers import ConvBNReLU, added, conv_normed, folded, init_kaiming, joined
from salseg.ops import resize
from salseg.ops.enlarged import can_exchange, classified_enlarged
from salseg.registry import HEADS


class SkipBottleneck(nn.Module):
    """Connection layer: a residual bottleneck that brings a level of the encoder to few channels."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        inner = channels // 2
        self.conv1 = nn.Conv2d(channels_in, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)
        self.downsample = nn.Sequential(nn.Conv2d(channels_in, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, h, w) to (N, channels, h, w), not negative."""
        y = F.relu(conv_normed(self.conv1, self.bn1, x), inplace=True)
        y = F.relu(conv_normed(self.conv2, self.bn2, y), inplace=True)
        return F.relu(added(conv_normed(self.conv3, self.bn3, y), self.downsample(x)), inplace=True)


class Refinement(nn.Module):
    """One step towards finer maps."""

    def __init__(self, channels_in: int, skip_in: int, skip: int, channels: int) -> None:
        super().__init__()
        self.skip = SkipBottleneck(skip_in, skip)
        self.fuse = ConvBNReLU(channels_in + skip, channels, bias=False)

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        """Decoder features (N, channels_in, any, any) and the level (N, skip_in, h, w) to (N, channels, h, w)."""
        return self.fuse(joined([resize(x, level.shape[-2:]), self.skip(level)]))


@HEADS.register_module()
class RefinementHead(nn.Module):
    """RCRNet's classifier (ICCV 2019, section 3.1): each finer level refines, the last convolutions run at full size.

    Args:
        in_channels: Of the levels fine to coarse; the coarsest is the context (ASPP, or NER on top of it).
        skip_channels: Of the connection layers.
        channels: Of the refined maps.
        full_channels: Of the 3x3 convolution at the size of the image; the released network has it, the paper does
            not mention it. More than half of all multiply-adds are spent here.

    Raises:
        ConfigError: There are fewer than two levels.
    """

    provides = ('logits',)

    def __init__(
        self,
        in_channels: Sequence[int] = (256, 512, 1024, 256),
        skip_channels: int = 96,
        channels: int = 128,
        full_channels: int = 256,
    ) -> None:
        super().__init__()
        if len(in_channels) < 2:
            raise ConfigError(f'in_channels is {tuple(in_channels)}; this head refines with two levels or more.')
        self.takes = [Takes('in_channels', in_channels)]
        *finer, coarse = in_channels
        inputs = [coarse] + [channels] * (len(finer) - 1)
        self.refine = nn.ModuleList(
            Refinement(before, level, skip_channels, channels) for before, level in zip(inputs, reversed(finer))
        )
        self.full = ConvBNReLU(channels, full_channels, bias=False)
        self.predict = nn.Conv2d(full_channels, 1, 1)
        init_kaiming(self, 'fan_out')
        # The released start draws this one alike: with one output that is a variance of 2, and logits of tens.
        nn.init.normal_(self.predict.weight, std=0.01)

    def forward(self, features: Sequence[Tensor], size: tuple[int, int]) -> dict[str, Tensor]:
        """Levels (N, in_channels[i], h_i, w_i), fine to coarse, to ``logits`` (N, 1, *size)."""
        *finer, x = features
        for refine, level in zip(self.refine, reversed(finer)):
            x = refine(x, level)
        if torch.is_grad_enabled() and not self._one_by_one(x):
            return dict(logits=self._classify(x, size))
        # Maps of hundreds of channels at full size: one image at a time keeps a clip's peak at that of a frame.
        return dict(logits=torch.cat([self._classify(part, size) for part in x.split(1)]))

    def _one_by_one(self, x: Tensor) -> bool:
        """Whether images take turns with a gradient too, so that gradients at full size are those of one image.

        Statistics of a batch need all of it; a GPU wants large batches, and an exported network no loop.
        """
        return x.device.type == 'cpu' and not self.full.bn.training and not torch.compiler.is_compiling()

    def _classify(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        # Enlarged before the convolution, as released: it is more than half of all multiply-adds, and what makes
        # outlines sharp. Exchanged with the enlargement it is a ninth of them, and the same.
        last = self.predict.bias
        if last is not None and can_exchange(x, size) and not self.full.bn.training:
            weight, bias = folded(self.full.conv, self.full.bn)
            return classified_enlarged(x, size, weight, bias, self.predict.weight, last)
        return self.predict(self.full(resize(x, size)))
