"""Names of the published checkpoint and ours, one to one."""

import re
from collections.abc import Mapping

from torch import Tensor

from salseg.errors import CheckpointError
from salseg.models.key_map import KeyMap

# Modules of the published decoder and ours; the suffixes of theirs are the stages of a ResNet: 2 is the finest level.
MODULES = {
    'sa55': 'neck.top_spatial',
    'ca55': 'neck.top_channel',
    **{f'ca{stage}5': f'neck.context.{stage - 2}' for stage in (2, 3, 4)},
    **{f'fam{stage}{stage + 1}': f'neck.aggregate.{stage - 2}' for stage in (2, 3, 4)},
    **{f'srm{stage}': f'neck.refine.{stage - 2}' for stage in (2, 3, 4, 5)},
    **{f'linear{stage}': f'head.predict.{stage - 2}' for stage in (2, 3, 4, 5)},
}
_LAYERS = {
    'ca': {'conv0': 'project.conv', 'bn0': 'project.bn', 'conv1': 'squeeze', 'conv2': 'excite'},
    'sa': {'conv0': 'project.conv', 'bn0': 'project.bn', 'conv2': 'affine'},
    'srm': {'conv1': 'smooth.conv', 'bn1': 'smooth.bn', 'conv2': 'affine'},
    'fam': {
        **{f'{layer}0': f'low.{layer}' for layer in ('conv', 'bn')},
        **{f'{layer}1': f'high.{layer}' for layer in ('conv', 'bn')},
        **{f'{layer}2': f'context.{layer}' for layer in ('conv', 'bn')},
        **{f'{layer}3': f'fuse.{layer}' for layer in ('conv', 'bn')},
        'conv_l': 'low_gate',
        'conv_d1': 'high_gate',
        'conv_d2': 'context_gate',
        **{f'conv_att{i}': f'scores.{i - 1}' for i in (1, 2, 3)},
    },
}


def _prefixes() -> dict[str, str]:
    """Every layer's official prefix and ours."""
    pairs = {'bkbone': 'backbone'}
    for module, ours in MODULES.items():
        layers = _LAYERS.get(re.sub('[^a-z].*', '', module))
        if layers is None:
            pairs[module] = ours
        else:
            pairs |= {f'{module}.{theirs}': f'{ours}.{name}' for theirs, name in layers.items()}
    return pairs


_KEYS = KeyMap('SCWSSOD', _prefixes())
official_to_salseg, salseg_to_official = _KEYS.to_ours, _KEYS.to_official


def convert(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """The published state dict under our names, and the entries that were dropped (none).

    Raises:
        CheckpointError: Entries are foreign, which the message counts and names, or there are none.
    """
    foreign = []
    converted = {}
    for key, value in state.items():
        try:
            converted[official_to_salseg(key)] = value
        except KeyError:
            foreign.append(key)
    if foreign or not converted:
        raise CheckpointError(
            f'{len(foreign)} of {len(state)} entries are none of the published SCWSSOD checkpoint: {", ".join(foreign[:5])}. '
            'Expected the bare state dict that its training script writes (bkbone.*, ca*, sa55.*, fam*, srm*, linear*).'
        )
    return converted, []
