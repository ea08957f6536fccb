"""Names of the published checkpoint and ours, one to one."""

from collections.abc import Mapping

from torch import Tensor

from salseg.errors import CheckpointError
from salseg.models.key_map import KeyMap

# The unused classifier of VGG-16, 123,642,856 numbers that the released file holds; nothing here has a place for it.
DROPPED = ('backbone.classifier.',)
# Places of VGG-16's convolutions in torchvision's sequence, by stage.
_VGG = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))
_LEVELS = (1, 2, 3, 4)


def _layers() -> dict[str, str]:
    """Every layer's official prefix and ours."""
    pairs = {
        f'backbone.conv{stage}.conv{stage}_{number}': f'backbone.features.{place}'
        for stage, places in enumerate(_VGG, start=1)
        for number, place in enumerate(places, start=1)
    }
    pairs |= {'fusion.conv': 'matcher.residual', 'aug.conv.0': 'neck.conv'}
    for name in ('query', 'key'):
        pairs[f'fusion.{name}_transform'] = f'matcher.{name}'
    for name in ('query', 'key', 'value'):
        pairs |= {f'aug.{name}_transform.{layer}': f'neck.{name}.{layer}' for layer in (0, 1)}
    pairs |= {f'decoder.toplayer.{layer}': f'head.top.{layer}' for layer in (0, 2)}
    for level in _LEVELS:
        ours = level - 1
        for layer in (0, 2):
            pairs[f'decoder.latlayer{level}.convlayer.{layer}'] = f'head.lateral.{ours}.{layer}'
            pairs[f'decoder.enlayer{level}.enlayer.{layer}'] = f'head.smooth.{ours}.{layer}'
            pairs[f'decoder.dslayer{level}.enlayer.{layer}'] = f'head.predict.{ours}.0.{layer}'
        pairs[f'decoder.dslayer{level}.predlayer.0'] = f'head.predict.{ours}.2'
    return pairs


_LAYERS = _layers()
_KEYS = KeyMap('DCFM', _LAYERS)
salseg_to_official = _KEYS.to_official


def official_to_salseg(key: str) -> str | None:
    """Our name of an entry of the published state dict; None for what is dropped.

    Raises:
        KeyError: The published network has no such entry.
    """
    if key.startswith(DROPPED):
        return None
    return _KEYS.to_ours(key)


def convert(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Our state dict out of the published one, and the names of the entries that were dropped.

    Raises:
        CheckpointError: Entries are missing or left over.
    """
    dropped = [key for key in state if key.startswith(DROPPED)]
    wanted = [f'{prefix}.{entry}' for prefix in _LAYERS for entry in ('weight', 'bias')]
    missing = [key for key in wanted if key not in state]
    foreign = sorted(set(state) - set(wanted) - set(dropped))
    if missing or foreign:
        raise CheckpointError(
            f'this is no checkpoint of the published DCFM: {len(missing)} of its {len(wanted)} entries are missing '
            f'({", ".join(missing[:3]) or "none"}), {len(foreign)} are unknown ({", ".join(foreign[:3]) or "none"}).\n'
            '  Give the file of the authors as it is, or a dict with its content under state_dict.'
        )
    return {_KEYS.to_ours(key): state[key] for key in wanted}, dropped
