"""Extra passes: the one way to run a part of the model again before the losses."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor, nn

from salseg.structures import FrameInputs, FrameTargets

if TYPE_CHECKING:
    from salseg.models.segmentors.saliency_segmentor import SaliencySegmentor


class ExtraPass(nn.Module):
    """Adds outputs to those of the ordinary forward pass, in training only.

    ``provides`` names what :meth:`forward` returns; losses may then read it.
    """

    provides: tuple[str, ...] = ()

    def forward(
        self,
        segmentor: 'SaliencySegmentor',
        inputs: FrameInputs,
        features: list[Tensor],
        outputs: Mapping[str, Tensor],
        targets: FrameTargets,
    ) -> dict[str, Tensor]:
        """Further outputs by name.

        Args:
            segmentor: The model; call its verbs (``extract``, ``match``, ``decode``) again.
            inputs: The batch.
            features: What ``extract`` gave, before ``match``.
            outputs: What the ordinary pass gave.
            targets: The labels of the batch.
        """
        raise TypeError(f'{type(self).__name__} must define forward')
