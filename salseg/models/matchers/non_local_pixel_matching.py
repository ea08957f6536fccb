"""Non-local pixel matching (NLPMM) of NPMCA-net."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.ops.matching import matching_weights, pixel_matching
from salseg.ops.precision import at_least_float32
from salseg.registry import MATCHERS


@MATCHERS.register_module()
class NonLocalPixelMatching(nn.Module):
    """Describe a target map by what it matches in a reference map (thesis of NPMCA-net, section 3.2.2).

    Both maps are reduced by a 3x3 convolution of their own; values are the reduced reference, without further
    projection.

    Args:
        in_channels: Of both maps.
        channels: After the reduction.
        scale: Factor on the similarities.
        similarity: 'product', the inner product as in the thesis, or 'cosine', the cosine of the angle between both maps'
            deviations from their mean over the positions. Where all positions have much in common, as with
            EfficientNet's features, the inner product lets one position of the reference win everywhere, and nothing
            is learned from matching.

    Raises:
        ConfigError: ``similarity`` is unknown.
    """

    def __init__(
        self, in_channels: int = 1024, channels: int = 256, scale: float = 1.0, similarity: str = 'product'
    ) -> None:
        super().__init__()
        if similarity not in ('product', 'cosine'):
            raise ConfigError(f"NonLocalPixelMatching: similarity={similarity!r}; expected 'product' or 'cosine'.")
        self.scale, self.similarity = scale, similarity
        # Two convolutions, since a reference is cut out and a target is not: the same object looks different to them.
        self.reduce_reference = nn.Conv2d(in_channels, channels, 3, padding=1)
        self.reduce_target = nn.Conv2d(in_channels, channels, 3, padding=1)
        # Channels last in the weights gives channels last in the maps: the matching then needs no copy of them.
        self.to(memory_format=torch.channels_last)

    def forward(self, reference: Tensor, target: Tensor) -> Tensor:
        """(B, in_channels, h, w) and (B, in_channels, h', w') to (B, channels, h', w')."""
        return self.match(self.reduce_reference(reference), target)

    def match(self, reference: Tensor, target: Tensor) -> Tensor:
        """The same from a reference (B, channels, h, w) that is reduced already."""
        # Only the target: a reference is reduced once and matched with many frames.
        wanted = self.reduce_target(target)
        # As in the thesis, values are what is matched, and there is no 1 / sqrt(C): the convolutions learn the scale.
        if self.similarity == 'product':
            return pixel_matching(reference, wanted, self.scale)
        # Directions to search with, but the whole vectors to read: their lengths say how much of the object is there.
        return pixel_matching(reference, _directions(wanted), self.scale, keys=_directions(reference))

    def weights(self, reference: Tensor, target: Tensor) -> Tensor:
        """What `match` weighs with, as a matrix, for inspection: from a reference (B, channels, h, w), reduced already.

        Returns:
            (B, h * w, h' * w'); the weights of a target position, a column, sum to 1.
        """
        wanted = self.reduce_target(target)
        if self.similarity != 'product':
            reference, wanted = _directions(reference), _directions(wanted)
        return matching_weights(reference, self.scale * wanted)[1]


def _directions(maps: Tensor) -> Tensor:
    """Unit vectors of the deviations from the mean over the positions, float32 at least."""
    maps = at_least_float32(maps)
    # The common part goes first: all cosines of features that share it are nearly 1.
    return F.normalize(maps - maps.mean((2, 3), keepdim=True), dim=1)
