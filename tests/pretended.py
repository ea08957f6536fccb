"""A GPU that is not there: tensors that say they lie on ``cuda`` and hold no numbers, and a watch over every operation.

torch's ``FakeTensorMode`` knows of each operation what it gives, with device, shape and type, and refuses two devices in one
operation. :class:`PretendedGPU` stands above it: tensors of the host stay real and are computed, tensors of the pretended
device never are, and what would wait for the device, a copy to the host or a shape that depends on values, is refused with
the line of our code that asked for it.
"""

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import torch

# Now, since torch itself imports it on the way and remembers what is patched below.
import torch._dynamo
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode, unset_fake_temporarily
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

ROOT = Path(__file__).resolve().parents[1]
GPU = torch.device('cuda', 0)
aten = torch.ops.aten
# On a GPU the host waits until it knows how many there are.
COUNTED = ('nonzero', 'masked_select', '_unique', 'unique_', 'bincount', 'histc')


class DeviceFault(Exception):
    """Two devices in one operation, or a hidden transfer; the message names the operation and the line of our code."""


class PretendedGPU(TorchDispatchMode):
    """Refuse hidden transfers from the pretended device.

    Args:
        transfers: Whether copies to the host are let through, as at the end of a prediction: they give zeros, and
            ``copies`` keeps the line that made each. Shapes that depend on values are refused even then.
    """

    def __init__(self, transfers: bool = False) -> None:
        super().__init__()
        self.transfers = transfers
        self.copies: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        fake = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, FakeTensor)]
        target = kwargs.get('device')
        if not fake and (target is None or torch.device(target).type == 'cpu'):
            with unset_fake_temporarily():
                return func(*args, **kwargs)
        if torch.is_inference_mode_enabled():
            # Without autograd above it, an operation that is made of others comes here whole.
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        name = func.name().removeprefix('aten::').split('.')[0]
        if any(leaf.device.type == 'cuda' for leaf in fake):
            if _counts(func, name, args, kwargs):
                raise DeviceFault(f'{func} waits for the device to count values, at {place()}')
            if name == '_local_scalar_dense':
                return self._scalar(func, args[0])
            if _copies_to_host(name, args, kwargs):
                return self._copy(func, name, args, kwargs)
        try:
            return func(*args, **kwargs)
        except DeviceFault:
            raise
        except Exception as error:
            raise DeviceFault(f'{func}: {error}\n  at {place()}') from error

    def _scalar(self, func: Any, value: Tensor) -> Any:
        # torch's scaler has to know on the host whether gradients overflowed; it is no code of ours.
        if _called_from('grad_scaler.py'):
            return 0.0
        self._note(func)
        with unset_fake_temporarily():
            return torch.zeros((), dtype=value.dtype).item()

    def _copy(self, func: Any, name: str, args: Any, kwargs: Any) -> Tensor:
        self._note(func)
        with unset_fake_temporarily():
            if name == 'copy_':
                return args[0].zero_()
            return torch.zeros(args[0].shape, dtype=kwargs.get('dtype') or args[0].dtype)

    def _note(self, func: Any) -> None:
        if not self.transfers:
            raise DeviceFault(f'{func} copies from the device to the host, at {place()}')
        self.copies.append(place())


class Mode(FakeTensorMode):
    """torch's mode, for tensors that are ``meta`` to what is below Python, see :func:`_without_streams`."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if kwargs.get('device') is not None and torch.device(kwargs['device']).type == 'meta':
            kwargs = {**kwargs, 'device': GPU}
        if func in (aten.native_batch_norm.default, aten.native_batch_norm_backward.default):
            return _batch_norm(func, args, kwargs)
        return super().__torch_dispatch__(func, types, args, kwargs)


def _batch_norm(func: Any, args: Any, kwargs: Any) -> tuple[Tensor | None, ...]:
    """Shapes of batch normalisation. torch takes it apart into dozens of operations, half of the time of a network."""
    places = {leaf.device for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
    if len(places) > 1:
        raise RuntimeError(f'{func}: two devices, {" and ".join(sorted(map(str, places)))}')
    if func is aten.native_batch_norm.default:
        counted = args[0].new_empty(args[0].shape[1] if args[5] else 0, dtype=torch.float32)
        return torch.empty_like(args[0]), counted, counted.clone()
    whole, weight, bias = args[9]
    like = args[1].new_empty(args[1].shape[1], dtype=torch.float32 if args[2] is None else args[2].dtype)
    return torch.empty_like(args[1]) if whole else None, like if weight else None, like.clone() if bias else None


def _counts(func: Any, name: str, args: Any, kwargs: Any) -> bool:
    if name in ('index', 'index_put', 'index_put_', '_unsafe_index'):
        masks = [i for i in args[1] if i is not None and i.dtype in (torch.bool, torch.uint8)]
        # One value into one mask is masked_fill, which counts nothing.
        return bool(masks) and not (name.startswith('index_put') and len(args[1]) == 1 and args[2].numel() == 1)
    if name == 'repeat_interleave':
        return kwargs.get('output_size') is None and 'Tensor' in func._overloadname
    return name.startswith(COUNTED) or name in ('equal', 'is_nonzero')


def _copies_to_host(name: str, args: Any, kwargs: Any) -> bool:
    if name == 'copy_':
        return args[0].device.type == 'cpu' and args[1].device.type == 'cuda'
    if name == '_to_copy':
        target = kwargs.get('device')
        return target is not None and torch.device(target).type == 'cpu'
    return False


def place() -> str:
    """The innermost line of salseg, a project or a script that is being run, with its text; else of a test."""
    own = str(Path(__file__).resolve())
    found = []
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(f'{ROOT}/') and '/.venv/' not in name and name != own:
            found.append((name, frame.f_lineno))
        frame = frame.f_back
    ours = [line for line in found if not line[0].startswith(f'{ROOT}/tests/')] or found
    if not ours:
        return 'backward, or a line of a library that no line of ours called'
    name, line = ours[0]
    text = Path(name).read_text(encoding='utf-8').splitlines()[line - 1].strip()
    return f'{Path(name).relative_to(ROOT)}:{line}: {text}'


def _called_from(file: str) -> bool:
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.endswith(file):
            return True
        frame = frame.f_back
    return False


@contextlib.contextmanager
def pretended_gpu(transfers: bool = False) -> Iterator[PretendedGPU]:
    """A context in which ``cuda`` can be used, autocast and gradient scaling too, though there is none."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter('ignore')
        # What torch asks before it leaves autocast and the scaler out.
        stack.enter_context(mock.patch('torch.cuda.amp.common.amp_definitely_not_available', return_value=False))
        stack.enter_context(Mode(allow_non_fake_inputs=True))
        stack.enter_context(_without_streams())
        yield stack.enter_context(PretendedGPU(transfers))


def build(make: Callable[[], nn.Module]) -> nn.Module:
    """What ``make`` builds and moves to the pretended device, without numbers; its first weights cost no time."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(nn.Module, '_apply', _apply))
        stack.enter_context(mock.patch.object(Tensor, '__deepcopy__', _deepcopy))
        stack.enter_context(_without_streams())
        stack.enter_context(Mode(allow_non_fake_inputs=True))
        return make()


def _deepcopy(tensor: Tensor, memo: dict[int, Any]) -> Tensor:
    # torch's own copies the bytes, of which there are none.
    if id(tensor) not in memo:
        copied = tensor.detach().clone().requires_grad_(tensor.requires_grad)
        memo[id(tensor)] = nn.Parameter(copied, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else copied
    return memo[id(tensor)]


def _without_streams() -> Any:
    """Tensors that are known as ``meta`` to what is below Python, since backward asks a device for its streams."""
    make = Tensor._make_subclass

    def made(cls: type, data: Tensor, requires_grad: bool = False, **kwargs: Any) -> Tensor:
        return make(cls, data, requires_grad, **{**kwargs, 'dispatch_device': False})

    return mock.patch.object(Tensor, '_make_subclass', staticmethod(made))


def _apply(module: nn.Module, function: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
    # Of `.to`: versions of torch differ in how they replace a parameter, and some cannot for these tensors.
    for child in module.children():
        child._apply(function)
    for key, value in module._parameters.items():
        if value is not None:
            module._parameters[key] = nn.Parameter(function(value.detach()), value.requires_grad)
    for key, value in module._buffers.items():
        module._buffers[key] = None if value is None else function(value)
    return module
