"""Pretrained weights: found, loaded safely and completely, or refused with the ways out."""

import contextlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from salseg.errors import WeightsError
from salseg.io.transfer import TransferError, fetch
from salseg.io.weights_cache import sha256_of

HOST = 'https://download.pytorch.org/models/'
_TIMEOUT_S = 10
# More than the largest of torchvision's files.
_LIMIT = 1_000_000_000


class PretrainedFiles:
    """Which parts of a model, while it is built, read no file of pretrained weights: a checkpoint overwrites them.

    Parts are numbered as they ask, which is the order in which they are built.

    Args:
        left_out: Numbers of the parts that read nothing; None leaves out all of them.

    Attributes:
        parts: Those that asked.
    """

    def __init__(self, left_out: Collection[int] | None = None) -> None:
        self.left_out, self.parts = left_out, list[nn.Module]()

    def leaves_out(self, part: nn.Module) -> bool:
        """Note a part that would read a file; whether it shall not."""
        self.parts.append(part)
        return self.left_out is None or len(self.parts) - 1 in self.left_out


_FILES: ContextVar[PretrainedFiles | None] = ContextVar('pretrained files', default=None)


@contextlib.contextmanager
def pretrained_files(left_out: Collection[int] | None = None) -> Iterator[PretrainedFiles]:
    """Build models inside the block without some of their files of pretrained weights; see `PretrainedFiles`."""
    files = PretrainedFiles(left_out)
    token = _FILES.set(files)
    try:
        yield files
    finally:
        _FILES.reset(token)


def is_left_out(part: nn.Module) -> bool:
    """Whether a part that is being built leaves its file of pretrained weights unread; asked once by each."""
    files = _FILES.get()
    return files is not None and files.leaves_out(part)


@dataclass(frozen=True)
class ImageNetFile:
    """A weights file of torchvision.

    Attributes:
        name: File name, as downloaded today; its suffix is the start of the SHA-256.
        former_names: Names under which the same weights were published before.
        megabytes: About, for a list.
    """

    name: str
    former_names: tuple[str, ...] = ()
    megabytes: int = 0


# Torchvision's first weights of each network.
TORCHVISION = {
    'resnet18': ImageNetFile('resnet18-f37072fd.pth', ('resnet18-5c106cde.pth',), 47),
    'resnet34': ImageNetFile('resnet34-b627a593.pth', ('resnet34-333f7ec4.pth',), 87),
    'resnet50': ImageNetFile('resnet50-0676ba61.pth', ('resnet50-19c8e357.pth',), 102),
    'resnet101': ImageNetFile('resnet101-63fe2227.pth', ('resnet101-5d3b4d8f.pth',), 179),
    'resnet152': ImageNetFile('resnet152-394f9c45.pth', ('resnet152-b121ed2d.pth',), 242),
    'vgg16': ImageNetFile('vgg16-397923af.pth', (), 553),
}


def load_backbone_weights(
    module: nn.Module,
    weights: str | Path | None,
    *,
    imagenet: ImageNetFile | None,
    package: Callable[[], Path] | None = None,
    unused: Sequence[str] = (),
) -> bool:
    """Fill a backbone, or leave its random start where that is requested.

    Args:
        module: The backbone.
        weights: None for a random start, 'imagenet', 'package', or a path to a file of tensors.
        imagenet: What 'imagenet' means; None where the word means nothing.
        package: Finds the file that 'package' means; None where the word means nothing.
        unused: Starts of keys that such files hold and the backbone has no place for (a classifier, dropped stages).

    Returns:
        Whether weights were loaded.

    Raises:
        WeightsError: They cannot be had, cannot be read as plain tensors, or do not fit.
    """
    if weights is None or is_left_out(module):
        return False
    if weights == 'package' and package is not None:
        path = package()
    elif weights == 'imagenet' and imagenet is not None:
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
    found = cached_imagenet(file)
    if found is not None:
        return found
    reason = 'SALSEG_OFFLINE is set'
    if not os.environ.get('SALSEG_OFFLINE'):
        try:
            return download_imagenet(file)
        except OSError as error:
            reason = f'downloading failed ({error})'
    raise WeightsError(
        f'the ImageNet weights of {backbone} are not at {imagenet_path(file)}, and {reason}. Put the file there '
        f'(from {HOST}{file.name}), pass weights=PATH of a copy, or start at random: --no-pretrained, in a config '
        'model.pretrained=False, for this part weights=None.'
    )


def imagenet_path(file: ImageNetFile) -> Path:
    """Where torch's cache has a file of torchvision; it need not exist."""
    return Path(torch.hub.get_dir()) / 'checkpoints' / file.name


def cached_imagenet(file: ImageNetFile) -> Path | None:
    """A file of torchvision in torch's cache, under its present name or a former one; None if it is not there."""
    paths = [imagenet_path(file).with_name(name) for name in (file.name, *file.former_names)]
    return next((path for path in paths if path.is_file()), None)


def download_imagenet(
    file: ImageNetFile, progress: Callable[[int, int | None], None] | None = None, timeout: float = _TIMEOUT_S
) -> Path:
    """Fetch one file; it appears under its name only when it is complete and has the promised hash.

    Raises:
        OSError: It cannot be fetched or written, or has another hash.
    """
    target = imagenet_path(file)
    # Of this process: two that start together would write into one another's part.
    part = target.with_name(f'{target.name}.{os.getpid()}.part')
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        fetch(HOST + file.name, part, _LIMIT, progress, timeout)
        check_imagenet(file, part)
        os.replace(part, target)
    finally:
        for path in (part, part.with_name(f'{part.name}.json')):
            path.unlink(missing_ok=True)
    return target


def check_imagenet(file: ImageNetFile, path: Path) -> None:
    """Compare a file's hash with the start of it that torchvision's names hold.

    Raises:
        OSError: It is another one.
    """
    digest = sha256_of(path)
    expected = [Path(name).stem.rsplit('-', 1)[-1] for name in (file.name, *file.former_names)]
    if not digest.startswith(tuple(expected)):
        raise TransferError(f'its hash starts with {digest[:8]} instead of {" or ".join(expected)}')


def read_tensors(path: Path) -> dict[str, Tensor]:
    """State dict of a file: its top level, or what stands under 'state_dict'; of a whole model, its `backbone.` part.

    Raises:
        WeightsError: There is no file, or it holds more than tensors and plain values.
    """
    if not path.is_file():
        raise WeightsError(
            f'there is no weights file at {path}; pass weights=PATH of a file, or start at random: --no-pretrained, in '
            'a config model.pretrained=False, for this part weights=None.'
        )
    try:
        content = (
            _read_safetensors(path) if path.suffix == '.safetensors' else torch.load(path, 'cpu', weights_only=True)
        )
    except WeightsError:
        raise
    except Exception as error:  # noqa: BLE001 - torch's readers raise whatever they meet in damaged bytes
        reason = f'{type(error).__name__}: {error}'.splitlines()[0]
        raise WeightsError(
            f'{path} was not loaded: it must be a file of tensors and plain values as torch.save writes it, and '
            f'nothing else is trusted ({reason})'
        ) from None
    state = content.get('state_dict', content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in state.items()
    ):
        raise WeightsError(f'{path} holds no state dict; expected tensors by name, found {type(content).__name__}.')
    prefix = 'backbone.'
    inner = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    return inner or dict(state)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    # Comes with timm, whose files have this format.
    try:
        from safetensors.torch import load_file
    except ImportError:
        raise WeightsError(f"{path} is read by a package that is not installed: pip install 'salseg[timm]'") from None
    return load_file(path)


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
