"""Pretrained weights: found, loaded safely and completely, or refused with the ways out."""

import hashlib
import os
import pickle
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import torch
from torch import Tensor, nn

from salseg.errors import WeightsError

_HOST = 'https://download.pytorch.org/models/'
_TIMEOUT_S = 10
# What a damaged file raises depends on where it is damaged.
_UNREADABLE = (pickle.UnpicklingError, EOFError, RuntimeError, ValueError, LookupError, AttributeError, TypeError)


@dataclass(frozen=True)
class ImageNetFile:
    """A weights file of torchvision.

    Attributes:
        name: File name, as downloaded today; its suffix is the start of the SHA-256.
        former_names: Names under which the same weights were published before.
    """

    name: str
    former_names: tuple[str, ...] = ()


def load_backbone_weights(
    module: nn.Module, weights: str | Path | None, *, imagenet: ImageNetFile | None, unused: Sequence[str] = ()
) -> bool:
    """Fill a backbone, or leave its random start where that is requested.

    Args:
        module: The backbone.
        weights: None for a random start, 'imagenet', or a path to a file of tensors.
        imagenet: What 'imagenet' means; None where the word means nothing.
        unused: Starts of keys that such files hold and the backbone has no place for (a classifier, dropped stages).

    Returns:
        Whether weights were loaded.

    Raises:
        WeightsError: They cannot be had, cannot be read as plain tensors, or do not fit.
    """
    if weights is None:
        return False
    if weights == 'imagenet' and imagenet is not None:
        path = find_imagenet(imagenet, type(module).__name__)
    else:
        path = Path(weights)
    fill(module, read_tensors(path), path, unused)
    return True


def find_imagenet(file: ImageNetFile, backbone: str) -> Path:
    """Path of torchvision's file: in torch's cache, or downloaded there unless SALSEG_OFFLINE is set.

    Raises:
        WeightsError: It is not in the cache and cannot be downloaded.
    """
    cache = Path(torch.hub.get_dir()) / 'checkpoints'
    for name in (file.name, *file.former_names):
        if (cache / name).is_file():
            return cache / name
    reason = 'SALSEG_OFFLINE is set'
    if not os.environ.get('SALSEG_OFFLINE'):
        try:
            return _download(file.name, cache)
        except (URLError, OSError) as error:
            reason = f'downloading failed ({error})'
    raise WeightsError(
        f'the ImageNet weights of {backbone} are not at {cache / file.name}, and {reason}. Put the file there '
        f'(from {_HOST}{file.name}), pass weights=PATH of a copy, or weights=None for a random start.'
    )


def _download(name: str, folder: Path) -> Path:
    """Fetch one file; it appears under its name only when it is complete and has the promised hash."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=name)
    try:
        with os.fdopen(handle, 'wb') as out, urlopen(_HOST + name, timeout=_TIMEOUT_S) as answer:
            while block := answer.read(1 << 20):
                digest.update(block)
                out.write(block)
        expected = Path(name).stem.rsplit('-', 1)[-1]
        if not digest.hexdigest().startswith(expected):
            raise OSError(f'its hash starts with {digest.hexdigest()[:8]} instead of {expected}')
        os.replace(temporary, folder / name)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return folder / name


def read_tensors(path: Path) -> dict[str, Tensor]:
    """State dict of a file: its top level, or what stands under 'state_dict'; of a whole model, its `backbone.` part.

    Raises:
        WeightsError: There is no file, or it holds more than tensors and plain values.
    """
    if not path.is_file():
        raise WeightsError(f'there is no weights file at {path}; pass weights=PATH of a file, or weights=None.')
    try:
        content = (
            _read_safetensors(path) if path.suffix == '.safetensors' else torch.load(path, 'cpu', weights_only=True)
        )
    except _UNREADABLE as error:
        reason = f'{type(error).__name__}: {error}'.splitlines()[0]
        raise WeightsError(
            f'{path} was not loaded: it must be a file of tensors and plain values as torch.save writes it, and '
            f'nothing else is trusted ({reason})'
        ) from None
    state = content.get('state_dict', content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise WeightsError(f'{path} holds no state dict; expected tensors by name, found {type(content).__name__}.')
    prefix = 'backbone.'
    inner = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    return inner or dict(state)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    # Comes with timm, whose files have this format.
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(str(error)) from None


def fill(module: nn.Module, state: Mapping[str, Tensor], path: Path, unused: Sequence[str]) -> None:
    """Load all entries of a backbone; extra ones may only be those announced as unused.

    Raises:
        WeightsError: Entries are missing, left over or of another shape; the message lists them.
    """
    wanted = module.state_dict()
    state = {k: v for k, v in state.items() if k in wanted or not k.startswith(tuple(unused))}
    # Files older than PyTorch 0.4.1 do not count batches, and nothing reads the count.
    missing = [k for k in wanted if k not in state and not k.endswith('num_batches_tracked')]
    extra = [k for k in state if k not in wanted]
    shapes = [
        f'{k} {tuple(state[k].shape)} instead of {tuple(wanted[k].shape)}'
        for k in wanted
        if k in state and state[k].shape != wanted[k].shape
    ]
    found = {'missing': missing, 'not in the backbone': extra, 'of another shape': shapes}
    wrong = [f'  {what}: {_shorten(keys)}' for what, keys in found.items() if keys]
    if wrong:
        last = '  nothing was loaded; check the file, or the arguments of the backbone'
        raise WeightsError('\n'.join([f'{path} does not fit {type(module).__name__}:', *wrong, last]))
    module.load_state_dict(state, strict=False)


def _shorten(keys: list[str], most: int = 4) -> str:
    return ', '.join(keys[:most]) + (f' and {len(keys) - most} more' if len(keys) > most else '')
