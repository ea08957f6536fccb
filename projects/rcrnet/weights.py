"""Names of the published checkpoints (image, video, generator) and ours."""

from collections.abc import Mapping
from typing import Any

from salseg.errors import CheckpointError
from salseg.models.key_map import KeyMap

_LAYERS = {
    'backbone.resnet': 'backbone.backbone',
    'backbone.aspp.imagepool.conv': 'backbone.neck.pool',
    **{f'backbone.aspp.stages.c{i}': f'backbone.neck.branches.{i}' for i in range(4)},
    'backbone.aspp.fire.conv': 'backbone.neck.project',
    **{f'backbone.refinement{i}.skip': f'head.refine.{i - 1}.skip' for i in (1, 2, 3)},
    **{f'backbone.refinement{i}.refine': f'head.refine.{i - 1}.fuse' for i in (1, 2, 3)},
    'backbone.decoder.conv1': 'head.full',
    'backbone.decoder.conv2': 'head.predict',
    'non_local_block.W': 'matcher.first.expand',
    'non_local_block': 'matcher.first',
    'non_local_block2.W': 'matcher.second.expand',
    'non_local_block2': 'matcher.second',
    'convgru_forward': 'matcher.forward_gru',
    'convgru_backward': 'matcher.backward_gru',
    'bidirection_conv': 'matcher.fuse',
}
# Entries of the checkpoints that nothing in the networks reads: the classifier of ImageNet, and the flow network that
# the generator was trained with, whose licence is its own.
UNUSED = ('backbone.resnet.fc.', 'flownet.')
# Entries that remain: of the image model and the generator, and of the video model.
_COMPLETE = (452, 482)
_KEYS = KeyMap('RCRNet', _LAYERS)
salseg_to_official = _KEYS.to_official


def convert(state: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Entries under our names, and the names of those that are dropped.

    Raises:
        CheckpointError: An entry is unknown, or some are missing.
    """
    state = {key.removeprefix('module.'): value for key, value in state.items()}
    dropped = [key for key in state if is_unused(key)]
    try:
        converted = {official_to_salseg(key): value for key, value in state.items() if not is_unused(key)}
    except KeyError as error:
        raise CheckpointError(f'{error.args[0]}; was the file written by the released code?') from None
    if len(converted) not in _COMPLETE:
        raise CheckpointError(
            f'the file holds {len(converted)} entries that the networks use; the image model and the generator have '
            f'{_COMPLETE[0]}, the video model {_COMPLETE[1]}. It is incomplete, or of another system.'
        )
    return converted, dropped


def is_unused(key: str) -> bool:
    """Whether an entry of a published checkpoint is dropped."""
    return key.startswith(UNUSED)


def official_to_salseg(key: str) -> str:
    """Our name of an entry of a published state dict.

    Raises:
        KeyError: None of the published networks has it, or it is one of ``UNUSED``.
    """
    if is_unused(key):
        raise KeyError(f'{key!r} is used by no network of salseg')
    return _KEYS.to_ours(key)
