"""Both attentions of the contrastive network as maps."""

import torch
from torch import Tensor

from projects.contrastive_vsod.modules import ContrastiveAttention
from salseg import ops
from salseg.models.explainers import Explainer, View, salient_place
from salseg.models.segmentors import BaseSegmentor
from salseg.ops.geometry import map_size
from salseg.registry import EXPLAINERS
from salseg.structures import FrameInputs


@EXPLAINERS.register_module()
class AttentionExplainer(Explainer):
    """Gates of both attentions, and what one position gathers (WACV 2022, eq. 4 to 8)."""

    what = 'attention'
    shows = (
        'the gate of each attention, and what the most salient position of each frame, marked, gathers: by self-attention '
        'and by co-attention'
    )

    @classmethod
    def suits(cls, model: BaseSegmentor) -> bool:
        """A model with one of the two attentions."""
        matcher = getattr(model, 'matcher', None)
        return isinstance(matcher, ContrastiveAttention) and bool(matcher.self_gate or matcher.co_gate)

    def explain(self, inputs: FrameInputs) -> dict[str, View]:
        """``gate_self``, ``gate_co``, ``self_attention`` and ``co_attention``, as far as they are there."""
        matcher = self.model.matcher
        features, outputs = self.model.run(inputs)
        *finer, coarse = (level[0] for level in features)
        places = tuple(salient_place(outputs['logits'][0], map_size(coarse), frame) for frame in range(len(coarse)))
        views = {
            name: View(f'{name[5:]}-attention: gate', outputs[name][0, :, 0], limits=(0.0, 1.0))
            for name in ('gate_self', 'gate_co')
            if name in outputs
        }
        if matcher.self_attention is not None:
            maps = torch.stack([_self_affinity(coarse, place) for place in places])
            views['self_attention'] = View('self-attention', maps, 'signed', marks=places)
        if matcher.co_attention is not None:
            low = finer[matcher.low_level]
            maps = torch.stack([matcher.co_attention.weights(low, coarse, place) for place in places])
            views['co_attention'] = View('co-attention', maps, marks=places)
        return views


def _self_affinity(coarse: Tensor, place: tuple[int, int, int]) -> Tensor:
    """(h, w) products of one position of (T, C, h, w) with all of its frame, divided by their number."""
    frame = ops.at_least_float32(coarse[place[0]])
    return torch.einsum('c,chw->hw', frame[:, place[1], place[2]], frame) / frame[0].numel()
