"""Names of the published checkpoint and ours, one to one."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from salseg.errors import CheckpointError
from salseg.models.key_map import KeyMap

_BLOCK = {'conv1': 'first', 'conv2': 'second', 'downsample': 'shortcut'}
_FUSER = {
    **{f'block1.{theirs}': f'before.{ours}' for theirs, ours in _BLOCK.items()},
    **{f'block2.{theirs}': f'after.{ours}' for theirs, ours in _BLOCK.items()},
    'attention.ChannelGate.mlp.1': 'attention.reduce',
    'attention.ChannelGate.mlp.3': 'attention.expand',
    'attention.SpatialGate.spatial.conv': 'attention.place',
}
_UP = {'skip_conv': 'skip', **{f'out_conv.{theirs}': f'out.{ours}' for theirs, ours in _BLOCK.items()}}


def _prefixes() -> dict[str, str]:
    """Beginning of the official names and of ours."""
    pairs = {f'key_encoder.{name}': f'key_encoder.{name}' for name in ('conv1', 'bn1', 'layer2', 'layer3')}
    pairs['key_encoder.res2'] = 'key_encoder.layer1'
    names = ('conv1', 'bn1', 'layer1', 'layer2', 'layer3')
    pairs |= {f'value_encoder.{name}': f'value_encoder.backbone.{name}' for name in names}
    pairs |= {
        f'{side}.fuser.{theirs}': f'{side}.fuser.{ours}'
        for side in ('value_encoder', 'decoder')
        for theirs, ours in _FUSER.items()
    }
    pairs['value_encoder.hidden_reinforce.transform'] = 'value_encoder.deep_update.transform'
    pairs |= {
        f'key_proj.{theirs}': f'key_projection.{ours}'
        for theirs, ours in {'key_proj': 'key', 'd_proj': 'shrinkage', 'e_proj': 'selection'}.items()
    }
    pairs |= {f'decoder.hidden_update.g{s}_conv': f'decoder.update.levels.{i}' for i, s in enumerate((16, 8, 4))}
    pairs['decoder.hidden_update.transform'] = 'decoder.update.cell.transform'
    for theirs, ours in {'up_16_8': 'up8', 'up_8_4': 'up4'}.items():
        pairs |= {f'decoder.{theirs}.{part}': f'decoder.{ours}.{name}' for part, name in _UP.items()}
    pairs['decoder.pred'] = 'decoder.predict'
    return pairs


_KEYS = KeyMap('XMem', _prefixes())
official_to_salseg, salseg_to_official = _KEYS.to_ours, _KEYS.to_official


def model_options(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Arguments of :class:`XMem` that a published state dict needs, read from its shapes.

    Not whether an object's value sees the other objects' masks: weights without that load into a network with it.

    Raises:
        KeyError: It is no state dict of XMem.
    """
    update = state.get('decoder.hidden_update.transform.weight')
    return dict(
        key_channels=state['key_proj.key_proj.weight'].shape[0],
        value_channels=state['value_encoder.fuser.block2.conv2.weight'].shape[0],
        hidden_channels=0 if update is None else update.shape[0] // 3,
    )


def convert(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """A published state dict under our names, and the names of entries that were dropped (none).

    Raises:
        CheckpointError: An entry is unknown; the message names it.
    """
    try:
        return {official_to_salseg(key): torch.as_tensor(value) for key, value in state.items()}, []
    except KeyError as error:
        raise CheckpointError(f'{error.args[0]}; give the file of the authors as it is.') from None
