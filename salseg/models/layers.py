"""Layers that necks, heads and matchers share."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvBNReLU(nn.Module):
    """Convolution that keeps the size, batch norm, ReLU."""

    def __init__(self, channels_in: int, channels: int, kernel: int = 3, *, bias: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, kernel, padding=kernel // 2, bias=bias)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, h, w) to (N, channels, h, w), not negative."""
        return F.relu(conv_normed(self.conv, self.bn, x), inplace=True)


class LargeConv2d(nn.Conv2d):
    """Convolution with so many weights that laying them out anew costs more than the products, as FCN's conv6 with 103 M.

    `for_inference` leaves its weights as they are, and its map is laid out like them.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, h, w) to (N, out_channels, any, any)."""
        return super().forward(x.contiguous())


def saves_memory(x: Tensor) -> bool:
    """Whether what does not depend on each other is better run one after the other: on a CPU, without gradient.

    A CPU takes as long for two as for both together and then needs half the memory; a GPU wants large batches, and an
    exported network no loop.
    """
    return x.device.type == 'cpu' and not torch.is_grad_enabled() and not torch.compiler.is_compiling()


def for_inference(model: nn.Module) -> nn.Module:
    """Lay out the weights of a model on a CPU as its convolutions like them when no gradient is asked for.

    Channels side by side: maps then follow the weights, and are not laid out anew in every convolution. Training and
    GPUs gain nothing by it (in single precision), so there they stay as they are. The values do not change.
    """
    return channels_last(model, ('cpu',))


def channels_last(model: nn.Module, devices: Sequence[str] | None = None) -> nn.Module:
    """Lay out the weights of all convolutions over two axes with channels side by side, in place.

    Args:
        model: Its parameters stay the same objects.
        devices: Types of the devices on which weights are laid out anew. All by default.
    """
    for module in model.modules():
        for parameter in () if isinstance(module, LargeConv2d) else module.parameters(recurse=False):
            # Weights of convolutions over three axes have no such layout.
            if parameter.dim() == 4 and (devices is None or parameter.device.type in devices):
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return model


# Elements of a map from which on the few small operations that prepare a norm are worth while.
_LARGE = 2**15


def conv_normed(conv: nn.Module, norm: nn.Module, x: Tensor) -> Tensor:
    """The norm of a convolution of ``x``, written over the convolution's result where nothing else needs that.

    Such is a batch norm with running statistics in prediction on a CPU, where large maps are mostly waited for: in place it
    takes a third of the time, and the values are the same bits. Such is also one whose scale and shift are frozen in
    training: neither it nor the convolution needs the map for its gradient, which then is not kept. Any other norm is called
    as it is, and so is one of which, or of whose convolution, a hook looks at the values.

    Args:
        conv: The convolution.
        norm: Of any kind.
        x: (N, C, h, w), for the convolution.
    """
    y = conv(x)
    if not isinstance(conv, nn.Conv2d) or not isinstance(norm, nn.BatchNorm2d) or norm.training:
        return norm(y)
    if norm.running_mean is None or norm.running_var is None or norm.weight is None or y.dtype != norm.weight.dtype:
        return norm(y)
    last = torch.channels_last
    # In the other layout there is nothing to gain.
    if y.numel() >= _LARGE and y.is_contiguous(memory_format=last) and may_overwrite(y, conv, norm):
        scale, shift = _affine(norm)
        return torch.addcmul(shift, y, scale, out=y) if y.dtype in (torch.float32, torch.float64) else norm(y)
    if torch.is_grad_enabled() and _is_frozen(norm) and not torch.compiler.is_compiling() and not seen(conv, norm):
        return _WrittenOver.apply(y, *_affine(norm))
    return norm(y)


class _WrittenOver(torch.autograd.Function):
    """y * scale + shift over y, in one pass as a batch norm makes it, where scale and shift ask for no gradient."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        ctx.mark_dirty(y)
        ctx.save_for_backward(scale)
        return torch.addcmul(shift, y, scale, out=y)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (scale,) = ctx.saved_tensors
        return gradient * scale, None, None


def _affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Scale and shift (C, 1, 1) of a norm with running statistics."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = torch.rsqrt(norm.running_var + norm.eps) * norm.weight
    return scale[:, None, None], torch.addcmul(norm.bias, norm.running_mean, scale, value=-1)[:, None, None]


def _is_frozen(norm: nn.BatchNorm2d) -> bool:
    return not norm.weight.requires_grad and not norm.bias.requires_grad


def may_overwrite(y: Tensor, *seen_by: nn.Module) -> bool:
    """Whether a map may be written over: where memory is saved and no hook of the modules that made or read it keeps it."""
    return saves_memory(y) and not seen(*seen_by)


def seen(*modules: nn.Module) -> bool:
    """Whether hooks look at what goes into modules or comes out of them."""
    everywhere = nn.modules.module._global_forward_hooks or nn.modules.module._global_forward_pre_hooks
    return bool(everywhere) or any(m._forward_hooks or m._forward_pre_hooks for m in modules)


def times(y: Tensor, other: Tensor, *seen_by: nn.Module) -> Tensor:
    """The product, written over ``y`` where `may_overwrite` allows it: for what nothing reads any more.

    Args:
        y: Of the product's shape.
        other: Any shape that fits.
        seen_by: The modules that made or read ``y``.
    """
    return y.mul_(other) if y.dtype == other.dtype and may_overwrite(y, *seen_by) else y * other


def one_batch(maps: Tensor) -> Tensor:
    """Maps of sets (B, T, C, h, w) as one batch (B * T, C, h, w)."""
    batch = maps.flatten(0, 1)
    # A map that is alone comes out with strides from which its layout cannot be told, and would be laid out anew.
    if len(batch) == 1 and saves_memory(batch) and batch.is_contiguous(memory_format=torch.channels_last):
        channels, width = batch.shape[1], batch.shape[3]
        return batch.as_strided(batch.shape, (batch.numel(), 1, channels * width, channels))
    return batch


def joined(maps: Sequence[Tensor]) -> Tensor:
    """Maps (N, C_i, h, w) to one (N, sum of C_i, h, w), whose channels lie side by side if those of one map do.

    Torch gives that layout up where one map has another; the convolution that reads the result would turn all of it.
    """
    last = torch.channels_last
    if saves_memory(maps[0]) and any(m.is_contiguous(memory_format=last) and not m.is_contiguous() for m in maps):
        maps = [m.contiguous(memory_format=last) for m in maps]
    return torch.cat(list(maps), dim=1)


def added(y: Tensor, other: Tensor) -> Tensor:
    """The sum, written over ``y``: for what no gradient reads any more, the result of a convolution or of a norm.

    Under autocast the two may have different types; then it is a new tensor of the wider one.
    """
    return y.add_(other) if y.dtype == other.dtype else y + other


def folded(conv: nn.Conv2d, bn: nn.BatchNorm2d | nn.Identity) -> tuple[Tensor, Tensor]:
    """Weight and bias of the one convolution that a convolution and the batch norm behind it are in evaluation mode.

    Args:
        conv: With or without bias.
        bn: With running statistics; an identity where `fold_norms` was there before.
    """
    if isinstance(bn, nn.Identity):
        return conv.weight, conv.weight.new_zeros(len(conv.weight)) if conv.bias is None else conv.bias
    assert bn.running_mean is not None
    assert bn.running_var is not None
    scale = torch.rsqrt(bn.running_var + bn.eps) * (1 if bn.weight is None else bn.weight)
    shift = -bn.running_mean if conv.bias is None else conv.bias - bn.running_mean
    return conv.weight * scale[:, None, None, None], shift * scale + (0 if bn.bias is None else bn.bias)


# Norms whose convolution has another name than theirs; of the names, the one that a module has.
_BEFORE = {'_bn0': ('_expand_conv', '_conv_stem'), '_bn1': ('_depthwise_conv',), '_bn2': ('_project_conv',)}


@torch.no_grad()
def fold_norms(model: nn.Module) -> nn.Module:
    """Put every batch norm into the convolution before it, for prediction: fewer passes over the maps.

    Outputs are equal up to rounding. The names of the weights change, so load a checkpoint first; a folded model cannot be
    trained or saved to be continued.

    Args:
        model: In evaluation mode.

    Returns:
        The model, changed in place. Norms that do not directly follow a convolution of the same module stay.

    Examples:
        >>> block = ConvBNReLU(3, 4).eval()
        >>> x = torch.rand(1, 3, 5, 5)
        >>> before = block(x)
        >>> type(fold_norms(block).bn).__name__, torch.allclose(before, block(x), atol=1e-6)
        ('Identity', True)
    """
    for module in list(model.modules()):
        parts = dict(module.named_children())
        for name, norm in parts.items():
            conv = _convolution_before(module, parts, name)
            if conv is None or not isinstance(norm, nn.BatchNorm2d) or norm.training or norm.running_mean is None:
                continue
            weight, bias = folded(conv, norm)
            conv.weight.data = weight.contiguous(memory_format=_layout(conv.weight))
            conv.bias = nn.Parameter(bias)
            setattr(module, name, nn.Identity().eval())
    return model


def _convolution_before(module: nn.Module, parts: Mapping[str, nn.Module], name: str) -> nn.Conv2d | None:
    """The convolution whose result a norm takes: the one before it in a sequence, else by the names that networks use."""
    if isinstance(module, nn.Sequential):
        names = list(parts)
        candidates = names[max(0, names.index(name) - 1) : names.index(name)]
    else:
        candidates = list(_BEFORE.get(name, (name.replace('bn', 'conv'),)))
    for candidate in candidates:
        part = parts.get(candidate)
        if isinstance(part, nn.Conv2d):
            return part
    return None


def _layout(weight: Tensor) -> torch.memory_format:
    last = weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
    return torch.channels_last if last else torch.contiguous_format


def init_kaiming(module: nn.Module, mode: Literal['fan_in', 'fan_out'] = 'fan_in') -> None:
    """Start all convolutions inside with normal weights of variance 2 / fan and zero biases (He et al., 2015).

    Args:
        module: Its batch norms stay as they are.
        mode: The fan: inputs or, as torchvision starts its networks, outputs of a convolution.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode=mode, nonlinearity='relu')
            if part.bias is not None:
                nn.init.zeros_(part.bias)
