"""Both attentions of the contrastive network on one frame, their gates, and the head that corrects on the way up."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.models.fitting import Takes
from salseg.models.layers import added, joined, one_batch
from salseg.ops import co_attention, dynamic_depthwise, linear_non_local, resize
from salseg.registry import HEADS, MATCHERS


class SelfAttention(nn.Module):
    """Non-local means of a map with itself, then a depthwise filter that the map itself generates (eq. 4 and 5).

    The paper does not say how the filters come about beyond "a single convolutional layer": here from the global mean,
    by a 1x1 convolution, without normalisation. Its parameters agree with the published count.
    """

    def __init__(self, channels: int, kernel: int = 3) -> None:
        super().__init__()
        self.kernel = kernel
        self.generate = nn.Conv2d(channels, channels * kernel * kernel, 1)

    def kernels(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to one filter for every image and channel, (N, C, k, k)."""
        return self.generate(F.adaptive_avg_pool2d(x, 1)).reshape(*x.shape[:2], self.kernel, self.kernel)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to the same shape."""
        # No projections and no softmax (eq. 4): that is what lets the product be reassociated.
        rows = x.flatten(2).transpose(1, 2)
        gathered = linear_non_local(rows, rows, rows).transpose(1, 2).reshape(x.shape)
        # The residual of eq. 5; with it the branch starts near the plain features, whatever the generated filters are.
        return added(dynamic_depthwise(gathered, self.kernels(x)), x)


class CoAttention(nn.Module):
    """Every low-level position gathers high-level features by a bilinear form of both (eq. 6).

    Args:
        low_channels: Of the low-level map.
        channels: Of the high-level map and of the result.
        stride: From the low level to the high one.
    """

    def __init__(self, low_channels: int, channels: int, stride: int = 2) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(low_channels, channels, 3, stride=stride, padding=1)
        self.bilinear = nn.Parameter(torch.empty(channels, channels))
        # Products of hundreds of channels go into a softmax without a scale: a start of ordinary size would make it
        # one-hot.
        nn.init.orthogonal_(self.bilinear, gain=channels**-0.5)

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        """(N, low_channels, H, W) and (N, C, h, w) to (N, C, h, w) at low-level positions."""
        query = self.ask(low, high)
        rows = co_attention(query.flatten(2).transpose(1, 2), high.flatten(2).transpose(1, 2), self.bilinear)
        return rows.transpose(1, 2).reshape(high.shape)

    def ask(self, low: Tensor, high: Tensor) -> Tensor:
        """The low-level map on the grid of the high-level one, (N, C, h, w)."""
        # Low-level positions ask, high-level ones answer; both at one size, so that the result lies on the map it is
        # joined with.
        return resize(self.reduce(low), high.shape[-2:])

    def weights(self, low: Tensor, high: Tensor, place: tuple[int, int, int]) -> Tensor:
        """What one position, (image, row, column), gathers from its image, for inspection: (h, w), sums to 1."""
        image, row, column = place
        query = self.ask(low[image : image + 1], high[image : image + 1])[0, :, row, column]
        logits = (query.float() @ self.bilinear.float()) @ high[image].flatten(1).float()
        return torch.softmax(logits, 0).reshape(high.shape[-2:])


class Gate(nn.Module):
    """One weight in [0, 1] for every position (eq. 7 and 8)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.score = nn.Conv2d(channels, 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, h, w) to the weighted map and the weights (N, 1, h, w)."""
        weight = torch.sigmoid(self.score(x))
        return weight * x, weight


@MATCHERS.register_module()
class ContrastiveAttention(nn.Module):
    """Both attentions on the coarsest level, gated and joined with it (WACV 2022, section 3.3).

    What is joined is also the ``embedding`` that the contrastive loss reads. Frames do not meet here:
    the network is run on single frames, the loss relates them.

    Args:
        channels: Of the coarsest level.
        low_channels: Of the level that co-attention reads.
        low_level: Its index among the levels.
        low_stride: From that level to the coarsest.
        self_attention: Whether that branch is there.
        co_attention: Likewise; without both, the baseline of the paper's ablation.

    Attributes:
        out_channels: Of the joined map: ``channels`` for each branch and the level itself.

    Raises:
        ConfigError: The level is the coarsest or does not exist.
    """

    def __init__(
        self,
        channels: int = 256,
        low_channels: int = 256,
        low_level: int = 1,
        low_stride: int = 2,
        self_attention: bool = True,
        co_attention: bool = True,
    ) -> None:
        super().__init__()
        if low_level < 0 or low_stride < 1:
            raise ConfigError(
                f'ContrastiveAttention: low_level={low_level} counts from the finest, 0; low_stride={low_stride}.'
            )
        self.takes = [Takes('channels', channels, -1)]
        if co_attention:
            self.takes.append(Takes('low_channels', low_channels, low_level))
        self.low_level = low_level
        self.self_attention = SelfAttention(channels) if self_attention else None
        self.self_gate = Gate(channels) if self_attention else None
        self.co_attention = CoAttention(low_channels, channels, low_stride) if co_attention else None
        self.co_gate = Gate(channels) if co_attention else None
        self.out_channels = channels * (1 + self_attention + co_attention)
        gates = (('gate_self', self_attention), ('gate_co', co_attention))
        self.provides = ('embedding', *(name for name, there in gates if there))

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Levels (B, T, C_i, h_i, w_i), fine to coarse; the coarsest becomes the joined map.

        Returns:
            The levels, and ``embedding`` (B, T, out_channels, h, w) with ``gate_*`` (B, T, 1, h, w) in [0, 1].
        """
        *finer, coarse = features
        if self.low_level >= len(finer):
            raise ConfigError(
                f'low_level is {self.low_level}; the backbone gives {len(finer)} levels below the coarsest.'
            )
        frames, x = coarse.shape[1], one_batch(coarse)
        # The level itself stays: with both gates shut the network is the baseline of the ablation.
        parts, gates = [x], {}
        if self.self_attention is not None and self.self_gate is not None:
            part, gates['gate_self'] = self.self_gate(self.self_attention(x))
            parts.append(part)
        if self.co_attention is not None and self.co_gate is not None:
            low = one_batch(finer[self.low_level])
            part, gates['gate_co'] = self.co_gate(self.co_attention(low, x))
            parts.append(part)
        embedding = joined(parts).unflatten(0, (-1, frames))
        extra = {name: value.unflatten(0, (-1, frames)) for name, value in gates.items()}
        # Contrast acts on the joined map, right before the last layer, so that it shapes the attentions and not only
        # the backbone.
        return [*finer, embedding], dict(embedding=embedding, **extra)


@HEADS.register_module()
class GradualUpsamplingHead(nn.Module):
    """One logit a position, resized level by level; each finer level adds its own (WACV 2022, section 3.4).

    Args:
        in_channels: Of the levels, fine to coarse.

    Raises:
        ConfigError: There is no level.
    """

    provides = ('logits',)

    def __init__(self, in_channels: Sequence[int] = (64, 256, 768)) -> None:
        super().__init__()
        if not in_channels:
            raise ConfigError('in_channels is empty; GradualUpsamplingHead needs one level or more.')
        self.takes = [Takes('in_channels', in_channels)]
        *finer, coarse = in_channels
        self.predict = nn.Conv2d(coarse, 1, 1)
        self.correct = nn.ModuleList(nn.Conv2d(channels, 1, 1) for channels in finer)

    def forward(self, features: Sequence[Tensor], size: tuple[int, int]) -> dict[str, Tensor]:
        """Levels (N, in_channels[i], h_i, w_i), fine to coarse, to ``logits`` (N, 1, *size)."""
        *finer, coarse = features
        logits = self.predict(coarse)
        for correct, level in zip(reversed(self.correct), reversed(finer)):
            # To the level's own size and not by a factor of two: 60 cells become 119 and 237 at the published size.
            logits = added(correct(level), resize(logits, level.shape[-2:]))
        return dict(logits=resize(logits, size))
