"""Features that differ between kinds of things, for the small model."""

import torch.nn.functional as F
from torch import Tensor

from salseg.models.backbones import EfficientNetLite0
from salseg.registry import BACKBONES


@BACKBONES.register_module()
class CentredLite0(EfficientNetLite0):
    """EfficientNet-Lite0 whose coarsest map is centred in each image and brought to one length.

    Positions of a classifier's last map have much in common, whatever they show, and their lengths differ more than
    their directions. Without both, the inner products by which a group votes hardly depend on the kind of thing: the
    democratic response is then as high on any object as on the shared one.

    Args:
        out_indices, frozen_stages, weights: See :class:`EfficientNetLite0`.
    """

    def forward(self, images: Tensor) -> list[Tensor]:
        """As the plain network; at every position of the coarsest map the mean square over the channels is 1."""
        *finer, coarsest = super().forward(images)
        return [*finer, unit_contrast(coarsest)]


def unit_contrast(features: Tensor) -> Tensor:
    """(N, C, h, w) minus its mean over the image, at every position of length sqrt(C)."""
    centred = features - features.mean((2, 3), keepdim=True)
    return F.normalize(centred, dim=1) * features.shape[1] ** 0.5
