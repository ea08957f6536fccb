"""Flow-guided pseudo-label generator."""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from salseg.errors import ConfigError, DataError
from salseg.models.segmentors.base import Part, Parts
from salseg.models.segmentors.saliency_segmentor import SaliencySegmentor
from salseg.ops import consistent_flow, flow_magnitude, warp
from salseg.registry import SEGMENTORS
from salseg.structures import FrameInputs

_EXTRA = {'flow': 4, 'labels': 2, 'none': 0}


@SEGMENTORS.register_module()
class FGPLG(SaliencySegmentor):
    """RCRNet that also sees the labels of two neighbours, brought to its frame by optical flow (ICCV 2019, section
    3.3).

    The backbone's first convolution is widened here; the colour channels keep what was loaded, and a checkpoint of the
    static network fits as it is: only its colour channels are filled.

    Args:
        cue: What comes beside the image: 'flow', both labels warped and both flow magnitudes (Gd of the paper's table
            4); 'labels', both labels as they are (Gc); 'none' (Gb).
        check_flow: Set warped labels to 0, unknown, where the flow there and back does not end where it began
            (`consistent_flow`): hidden pixels and wrong flow. Needs ``ComputeFlow(pairs='neighbours-both-ways')``. Off,
            as published.
        backbone, head, neck, restore_from, restore_align_corners, postprocess, data_preprocessor, losses, extra_passes,
            norm_eval: See :class:`SaliencySegmentor`.

    Raises:
        ConfigError: The cue is unknown or has no flow to check, or the backbone has no convolution on three channels.
    """

    input_types = ('clip',)

    def __init__(
        self,
        backbone: Part,
        head: Part,
        neck: Part | None = None,
        cue: Literal['flow', 'labels', 'none'] = 'flow',
        check_flow: bool = False,
        restore_from: str = 'logits',
        restore_align_corners: bool = False,
        postprocess: Mapping[str, Any] | None = None,
        data_preprocessor: Part | None = None,
        losses: Parts | None = None,
        extra_passes: Parts | None = None,
        norm_eval: bool | str = False,
    ) -> None:
        super().__init__(
            backbone=backbone,
            head=head,
            neck=neck,
            restore_from=restore_from,
            restore_align_corners=restore_align_corners,
            postprocess=postprocess,
            data_preprocessor=data_preprocessor,
            losses=losses,
            extra_passes=extra_passes,
            norm_eval=norm_eval,
        )
        if cue not in _EXTRA:
            raise ConfigError(f"FGPLG: cue={cue!r}; expected 'flow', 'labels' or 'none'.")
        if check_flow and cue != 'flow':
            raise ConfigError(f"FGPLG: check_flow=True needs cue='flow', found cue={cue!r}: no other cue has a flow.")
        self.cue, self.check_flow = cue, check_flow
        # After everything is built, so that a backbone's pretrained colours are already in place.
        self.first = _inflate_first(self.backbone, 3 + _EXTRA[cue])

    def compose(self, inputs: FrameInputs) -> Tensor:
        """(B, 3 + extra, H, W): the target's normalised colours, label of i, label of j, |flow k->i|, |flow k->j|.

        Args:
            inputs: ``frames`` (B, 1, 3, H, W) target; ``prompt`` (B, 2, H, W) labels of i and j in [0, 1]; ``flow``
                (B, 2, 2, H, W) pixels from the target to i and to j, with ``check_flow`` (B, 4, 2, H, W), these and from i
                and from j to the target.

        Raises:
            DataError: Labels or flow are missing, or the batch holds more than the target.
        """
        image = inputs.fold()
        if self.cue == 'none':
            return image
        labels = _need(inputs.prompt, 'prompt (labels of both neighbours)', 'SplitTriplet')
        # A batch that SplitTriplet did not make may hold the target's own label among the cues, and training would copy
        # it.
        if inputs.frames.shape[1] != 1 or labels.shape[1] != 2:
            raise DataError(
                f'FGPLG takes one target with two neighbours, but got frames {tuple(inputs.frames.shape)} and prompt '
                f'{tuple(labels.shape)}: SplitTriplet makes them from a clip of three.'
            )
        # Soft, neither cut at one half nor normalised: they are the strongest cue, and as released.
        labels = labels.to(image.dtype)
        if self.cue == 'labels':
            return torch.cat([image, labels], dim=1)
        flow = _need(inputs.flow, 'flow', 'ComputeFlow').to(image.dtype)
        # Flow runs from the target to the neighbour, in pixels, so the label is sampled backwards and every target
        # pixel gets one. The paper's O(i->k) reads the other way; the released code does this.
        warped = [warp(labels[:, side : side + 1], flow[:, side]) for side in (0, 1)]
        # As published nothing checks for occlusion or wrong flow: the magnitudes are all that the network can judge the
        # warped labels by.
        if self.check_flow:
            if flow.shape[1] != 4:
                raise DataError(
                    f'FGPLG(check_flow=True) needs the flow there and back, found {flow.shape[1]} of four: set '
                    "ComputeFlow(pairs='neighbours-both-ways') in train_pipeline and generate_pipeline."
                )
            # 0 is what a label of the background has: the network is told nothing, neither object nor void.
            warped = [label * consistent_flow(flow[:, side], flow[:, side + 2]) for side, label in enumerate(warped)]
        return torch.cat([image, *warped, *(flow_magnitude(flow[:, side]) for side in (0, 1))], dim=1)

    def _load_from_state_dict(self, state: dict[str, Tensor], prefix: str, *args: Any) -> None:
        """Take a first convolution on colours only; the channels of the cues keep their random start."""
        key, own = prefix + self.first, self.get_parameter(self.first)
        given = state.get(key)
        # Stage 2 starts from the static network of stage 1. Its file is complete but for these channels, so strict
        # loading can stay on for all others.
        if given is not None and given.shape[1] == 3 and own.shape[1] > 3 and given.shape[0] == own.shape[0]:
            state[key] = inflate(given, own.detach())
        super()._load_from_state_dict(state, prefix, *args)


def inflate(narrow: Tensor, wide: Tensor) -> Tensor:
    """The first convolution with the colours of one and the further channels of another, (out, C, k, k)."""
    return torch.cat([narrow.to(wide), wide[:, narrow.shape[1] :]], dim=1)


def _inflate_first(backbone: nn.Module, channels: int) -> str:
    """Widen the convolution that sees the image, in place; its name in the model."""
    for name, module in backbone.named_modules():
        if isinstance(module, nn.Conv2d):
            if module.in_channels != 3:
                break
            if channels > 3:
                wide = module.weight.new_empty(module.out_channels, channels, *module.kernel_size)
                # Random for the cues, as released: of these channels no pretrained file knows anything.
                nn.init.kaiming_normal_(wide, mode='fan_out', nonlinearity='relu')
                module.in_channels = channels
                module.weight = nn.Parameter(inflate(module.weight.detach(), wide))
            return f'backbone.{name}.weight'
    raise ConfigError(
        f'FGPLG widens the first convolution of a backbone on three channels; {type(backbone).__name__} has none.'
    )


def _need(value: Tensor | None, what: str, source: str) -> Tensor:
    if value is None:
        raise DataError(
            f'FGPLG reads {what}, but this batch has none: {source} gives it, in the pipeline of the data set.'
        )
    return value
