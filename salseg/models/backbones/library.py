"""What the adapters to other libraries share: levels and sizes checked by runs without values, freezing by names."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.models.backbones.base import Backbone

# What libraries raise for a size that a network cannot take.
SIZE_ERRORS = (AssertionError, RuntimeError, ValueError, IndexError)
# Height and width for a look at a network; different, so that channels in the last place are seen.
PROBE = (224, 320)
_DIVISORS = (2, 4, 7, 8, 14, 16, 28, 32, 56, 64)


class LibraryBackbone(Backbone):
    """What the adapters share: the network of a library in ``network``, its levels checked by a run without values.

    Attributes:
        name: Of the model in its library.
        preprocessing: What the pretrained weights were trained with: ``mean``, ``std`` (0-255 scale), ``size`` (height,
            width) and ``interpolation``.
    """

    network: nn.Module
    preprocessing: Mapping[str, Any]

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self._last: dict[int, bool] = {}
        self._accepted: set[tuple[int, int]] = set()

    @property
    def label(self) -> str:
        """What messages call it."""
        return f'{type(self).__name__} {self.name}'

    def build_meta(self) -> nn.Module:
        """The network without memory for its weights."""
        raise TypeError(f'{type(self).__name__} must define build_meta')

    def take_preprocessing(self, mean: Sequence[float], std: Sequence[float], size: Any, interpolation: str) -> None:
        """Set what the weights were trained with; mean and std on the 0-1 scale."""
        self.pixel_mean, self.pixel_std = (tuple(round(255 * v, 4) for v in values) for values in (mean, std))
        self.preprocessing = dict(
            mean=self.pixel_mean, std=self.pixel_std, size=tuple(size), interpolation=interpolation
        )

    def trial(self, size: tuple[int, int], network: nn.Module | None = None) -> list[tuple[int, ...]]:
        """Shapes that a size gives, computed without values; raises as the library does."""
        network = self.build_meta() if network is None else network
        with torch.device('meta'), torch.no_grad():
            found = network.eval()(torch.empty(1, 3, *size))
        maps = list(found.values()) if isinstance(found, Mapping) else list(found)
        return [tuple(level.shape) for level in maps]

    def check_size(self, size: tuple[int, int], where: str = 'this input') -> None:
        """Refuse a size that the network cannot take, with the multiples that it can.

        Raises:
            ConfigError: It cannot.
        """
        size = (int(size[0]), int(size[1]))
        if size in self._accepted:
            return
        network = self.build_meta()
        reason = self._why_not(size, network)
        if reason is None:
            self._accepted.add(size)
            return
        step = next((d for d in _DIVISORS if all(self._why_not(s, network) is None for s in _multiples(d))), None)
        if step is None:
            own = 'x'.join(map(str, self.preprocessing['size']))
            remedy = f'it takes the size that it is built for, {own} or that of options=dict(img_size=...)'
        else:
            down, up = ([max(step, (side + add) // step * step) for side in size] for add in (0, step - 1))
            remedy = (
                f'sides must be multiples of {step}: {down[0]} x {down[1]} or {up[0]} x {up[1]}, or '
                f'model.data_preprocessor.size_divisor={step}, which pads'
            )
        raise ConfigError(f'{where}: {self.label} cannot take {size[0]} x {size[1]} ({reason}); {remedy}.')

    def _why_not(self, size: tuple[int, int], network: nn.Module) -> str | None:
        try:
            shapes = self.trial(size, network)
        except SIZE_ERRORS as error:
            return (str(error) or type(error).__name__).splitlines()[0]
        wrong = [
            f'the level at stride {stride} has the shape {shape}'
            for shape, channels, stride in zip(shapes, self.channels, self.strides)
            if not _fits(_first(shape, channels, size, stride), channels, size, stride)
        ]
        return wrong[0] if wrong else None

    def check_levels(self, network: nn.Module, size: tuple[int, int]) -> None:
        """Compare the levels that the library states with those of a run; find those with channels in the last place.

        Raises:
            ConfigError: A level is no map of features at its stride.
        """
        size, shapes = self._first_trial(size, network)
        for place, (shape, channels, stride) in enumerate(zip(shapes, self.channels, self.strides)):
            moved = _first(shape, channels, size, stride)
            if not _fits(moved, channels, size, stride):
                raise ConfigError(
                    f'{self.label}: for an image of {size} its level {self.out_indices[place]} has the shape {shape}; '
                    f'expected {channels} channels at stride {stride}. Its features are no pyramid of maps: choose another '
                    'model, or levels with out_indices.'
                )
            self._last[place] = moved != shape
        self._accepted.add(size)

    def _first_trial(self, size: tuple[int, int], network: nn.Module) -> tuple[tuple[int, int], list[tuple[int, ...]]]:
        """The size, or the first multiple that the network takes: an option such as the patches' size may exclude its own."""
        reason = ''
        for tried in (size, *(multiple for divisor in _DIVISORS for multiple in _multiples(divisor))):
            try:
                return tried, self.trial(tried, network)
            except SIZE_ERRORS as error:
                reason = reason or (str(error) or type(error).__name__).splitlines()[0]
        raise ConfigError(
            f'{self.label} cannot be run on an image of {size} ({reason}); choose another model or options.'
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """(N, 3, H, W), normalised, to one map (N, C, h, w) for each of `out_indices`.

        Raises:
            ConfigError: The network cannot take the size.
        """
        try:
            found = self.network(images)
        except SIZE_ERRORS:
            # The sentence, if the size is the reason.
            self.check_size((images.shape[-2], images.shape[-1]))
            raise
        maps = list(found.values()) if isinstance(found, Mapping) else list(found)
        return [m.permute(0, 3, 1, 2).contiguous() if self._last.get(i) else m for i, m in enumerate(maps)]

    def freeze_until(self, name: str) -> None:
        """Freeze all that the network registers up to a submodule of it, and that submodule."""
        order = [known for known, _ in self.network.named_modules()]
        inside = [i for i, known in enumerate(order) if known == name or known.startswith(f'{name}.')]
        if not inside:
            raise ConfigError(f'{self.label} cannot be frozen by levels: it has no module {name!r}.')
        end = max(inside)
        whole = [
            known
            for i, known in enumerate(order[: end + 1])
            if known and not any(other.startswith(f'{known}.') for other in order[max(i, end) + 1 :])
        ]
        self.freeze([f'network.{known}' for known in whole])
        # Tokens and position embeddings belong to the network itself.
        for known in order[: end + 1]:
            for parameter in self.network.get_submodule(known).parameters(recurse=False):
                parameter.requires_grad_(False)


def _multiples(divisor: int) -> list[tuple[int, int]]:
    """Sizes of which no greater number is a divisor."""
    least = -(-96 // divisor)
    odd = least + 1 - least % 2
    return [(divisor * odd, divisor * (odd + 2))]


def _first(shape: tuple[int, ...], channels: int, size: tuple[int, int], stride: int) -> tuple[int, ...]:
    """A shape with its channels in the second place, where they are in the last one."""
    if len(shape) != 4 or _fits(shape, channels, size, stride):
        return shape
    moved = (shape[0], shape[3], shape[1], shape[2])
    return moved if _fits(moved, channels, size, stride) else shape


def _fits(shape: tuple[int, ...], channels: int, size: tuple[int, int], stride: int) -> bool:
    """Whether (N, C, h, w) is a map at that stride, rounded up or down."""
    near = (abs(side * stride - whole) < stride for side, whole in zip(shape[2:], size))
    return len(shape) == 4 and shape[1] == channels and all(near)
