"""Give a network that was made for images further input channels."""

from typing import Any

import torch
from torch import Tensor, nn


def inflate_first_convolution(backbone: nn.Module, extra: int, pad_missing: str = 'zeros') -> None:
    """Let a backbone take channels besides RGB; the new weights start orthogonal, those for RGB stay.

    Weights saved with fewer channels (a stage trained on single objects) still load: what they lack is filled up.

    Args:
        backbone: Its first convolution takes 3 channels.
        extra: Channels to add.
        pad_missing: What fills up weights at load, 'zeros' (testing: the answer does not change) or 'orthogonal'
            (training).

    Raises:
        ValueError: ``pad_missing`` is unknown.
    """
    if pad_missing not in ('zeros', 'orthogonal'):
        raise ValueError(f"pad_missing={pad_missing!r}; expected 'zeros' or 'orthogonal'.")
    convolution = next(module for module in backbone.modules() if isinstance(module, nn.Conv2d))
    convolution.weight = nn.Parameter(_filled(convolution.weight.data, extra, 'orthogonal'))
    convolution.in_channels += extra

    def pad_loaded(module: nn.Module, state: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        key = f'{prefix}weight'
        if key in state and state[key].ndim == 4 and state[key].shape[1] < module.in_channels:
            state[key] = _filled(state[key], module.in_channels - state[key].shape[1], pad_missing)

    convolution.register_load_state_dict_pre_hook(pad_loaded)


def _filled(weight: Tensor, extra: int, how: str) -> Tensor:
    new = weight.new_zeros((weight.shape[0], extra, *weight.shape[2:]))
    if how == 'orthogonal':
        nn.init.orthogonal_(new)
    return torch.cat([weight, new], 1)
