"""What every model shares: losses by name, extra passes, the wiring check, frozen batch statistics."""

import difflib
import logging
from collections.abc import Mapping, Sequence
from typing import Any, overload

import torch
from mmengine.logging import MessageHub, print_log
from mmengine.model import BaseModel
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from salseg.errors import ConfigError, MissingOutput
from salseg.models.backbones.base import Backbone
from salseg.models.data_preprocessor import SalDataPreprocessor
from salseg.models.losses.base import SalLoss, term_name
from salseg.models.passes import ExtraPass
from salseg.registry import LOSSES, MODELS, PASSES, Registry
from salseg.structures import FrameInputs, FrameTargets, InputType, SalDataSample

Part = Mapping[str, Any] | nn.Module
_FOLLOWING = dict(type='SalDataPreprocessor', mean='backbone', std='backbone')
Parts = Mapping[str, Mapping[str, Any] | nn.Module | None]

# Grey levels by which a preprocessor may differ from a backbone's statistics without a warning.
_FAR = 8.0


class BaseSegmentor(BaseModel):
    """A model on sets of frames.

    Args:
        data_preprocessor: Config of the preprocessor; by default `SalDataPreprocessor` with the backbone's statistics.
        losses: By name, each a config, a module, or None to switch an inherited one off.
        extra_passes: By name, likewise; run in training before the losses.
        norm_eval: Keep batch normalisation layers in evaluation mode while training (their affine parameters still learn):
            True for all, as the video systems do, or the name of a part, such as 'backbone', whose pretrained statistics
            short runs should not lose.
        input_type: What one input is; by default the first that the class takes.

    Attributes:
        input_types: What one input of this class may be: 'image', 'group' (images with something in common), 'clip'
            (consecutive frames) or 'video' (frame by frame, with prompts).
        input_type: The one of them that this model takes. Predictors, exports and the check of a config's test set go by
            it.
        prediction_dtype: Type to which autocast turns the network, and nothing after it, in prediction; None for that of the
            weights.

    Raises:
        MissingOutput: A loss reads what nothing provides.
        ConfigError: The class does not take that type of input.
    """

    input_types: tuple[InputType, ...] = ('image',)

    def __init__(
        self,
        data_preprocessor: Mapping[str, Any] | nn.Module | None = None,
        losses: Parts | None = None,
        extra_passes: Parts | None = None,
        norm_eval: bool | str = False,
        input_type: InputType | None = None,
    ) -> None:
        # Built here: the library would look it up in its root registry unless a runner had set the scope.
        super().__init__(data_preprocessor=build_part(data_preprocessor or _FOLLOWING))
        self.losses = _build_parts(losses, LOSSES, SalLoss, 'losses')
        self.extra_passes = _build_parts(extra_passes, PASSES, ExtraPass, 'extra_passes')
        self.norm_eval = norm_eval
        self.input_type: InputType = self.take_input_type(input_type)
        # Set by whoever loads a checkpoint; prediction from Python and the command line refuses None.
        self.weights_source: str | None = None
        self.prediction_dtype: torch.dtype | None = None

    @classmethod
    def take_input_type(cls, input_type: InputType | None) -> InputType:
        """The type of input, or the class's own where none is named.

        Raises:
            ConfigError: The class does not take it.
        """
        if input_type is None:
            return cls.input_types[0]
        if input_type not in cls.input_types:
            raise ConfigError(
                f'model.input_type={input_type!r}: a {cls.__name__} takes {" or ".join(map(repr, cls.input_types))}.'
            )
        return input_type

    @property
    def provides(self) -> tuple[str, ...]:
        """Names of all outputs of a training step; subclasses add what their parts give."""
        passes = (part for part in self.extra_passes.values() if isinstance(part, ExtraPass))
        return tuple(name for part in passes for name in part.provides)

    def check_wiring(self) -> None:
        """Compare what losses read with what the model gives, and the preprocessor's statistics with the backbone's.

        Raises:
            MissingOutput: Names the loss, the output, near names and all outputs.
            ConfigError: Backbones with different statistics, and the preprocessor is left to take theirs.
        """
        self._take_statistics()
        for key, loss in self.losses.items():
            for name in loss.reads if isinstance(loss, SalLoss) else ():
                if name not in self.provides:
                    near = difflib.get_close_matches(name, self.provides, n=3)
                    raise MissingOutput(
                        f'model.losses.{key} ({type(loss).__name__}) reads {name!r}, which nothing in this model gives.\n'
                        f'  nearest: {", ".join(near) or "none"}; all: {", ".join(sorted(self.provides))}\n'
                        '  add the part or the extra pass that provides it, or change on='
                    )

    def _take_statistics(self) -> None:
        """Give the preprocessor what the backbone was pretrained with, where the config leaves it to the backbone."""
        preprocessor = self.data_preprocessor
        stated = [m for m in self.modules() if isinstance(m, Backbone) and m.pixel_mean and m.pixel_std]
        if not isinstance(preprocessor, SalDataPreprocessor) or not stated:
            return
        mean, std = stated[0].pixel_mean or (), stated[0].pixel_std or ()
        other = [m for m in stated if (m.pixel_mean, m.pixel_std) != (mean, std)]
        if other and any(preprocessor.follows):
            raise ConfigError(
                f'model.data_preprocessor takes mean and std of the backbone, but {stated[0].label} has {mean}, {std} and '
                f'{other[0].label} has {other[0].pixel_mean}, {other[0].pixel_std}: give numbers instead.'
            )
        preprocessor.take_statistics(mean, std)
        if stated[0].weights_loaded and preprocessor.distance(mean, std) > _FAR:
            print_log(
                f'model.data_preprocessor has mean {preprocessor.mean.flatten().tolist()}, std '
                f'{preprocessor.std.flatten().tolist()}; the weights of {stated[0].label} were trained with {mean}, {std}. '
                "mean='backbone', std='backbone' take those.",
                logger='current',
                level=logging.WARNING,
            )

    def train(self, mode: bool = True) -> 'BaseSegmentor':
        """Training or evaluation mode; honours ``norm_eval``."""
        # Done at every call, since the training loop calls this after each validation.
        super().train(mode)
        if mode and self.norm_eval:
            for module in self._kept_in_eval().modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def _kept_in_eval(self) -> nn.Module:
        if self.norm_eval is True:
            return self
        try:
            return self.get_submodule(self.norm_eval)
        except AttributeError:
            parts = ', '.join(name for name, _ in self.named_children())
            raise ConfigError(f'model.norm_eval={self.norm_eval!r} is no part of the model; parts: {parts}.') from None

    def forward(
        self, inputs: FrameInputs, data_samples: Sequence[SalDataSample] | None = None, mode: str = 'tensor'
    ) -> Any:
        """Run the model.

        Args:
            inputs: The batch, from the data preprocessor.
            data_samples: One per set; needed for 'loss' and 'predict'.
            mode: 'tensor' gives the outputs by name, 'loss' the loss terms, 'predict' the samples with predictions at the
                images' own sizes.

        Raises:
            ConfigError: Unknown mode.
        """
        if mode == 'tensor':
            return self.run(inputs)[1]
        if mode == 'loss':
            return self.loss(inputs, data_samples or ())
        if mode == 'predict':
            return self.predict(inputs, data_samples or ())
        raise ConfigError(f"mode={mode!r}; expected 'tensor', 'loss' or 'predict'.")

    def run(self, inputs: FrameInputs) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Features before the matcher, and all outputs by name."""
        raise TypeError(f'{type(self).__name__} must define run')

    def predict(self, inputs: FrameInputs, data_samples: Sequence[SalDataSample]) -> list[SalDataSample]:
        """Samples with predictions."""
        raise TypeError(f'{type(self).__name__} must define predict')

    def loss(self, inputs: FrameInputs, data_samples: Sequence[SalDataSample]) -> dict[str, Tensor]:
        """Loss terms as ``loss_<key>[_<term>]``; the training loop adds them up."""
        # The only place that reads the training step from mmengine.
        iteration = int(MessageHub.get_current_instance().runtime_info.get('iter', 0))
        # Labels become targets, which only passes and losses see: no network can read what it is asked for.
        targets = FrameTargets.from_samples(data_samples, inputs, iteration)
        features, outputs = self.run(inputs)
        return self.loss_from(inputs, features, outputs, targets)

    def loss_from(
        self, inputs: FrameInputs, features: list[Tensor], outputs: dict[str, Tensor], targets: FrameTargets
    ) -> dict[str, Tensor]:
        """Run the extra passes, then every loss."""
        for extra in self.extra_passes.values():
            # One after the other, before all losses: a pass may read what an earlier one gave.
            outputs = {**outputs, **extra(self, inputs, features, outputs, targets)}
        terms: dict[str, Tensor] = {}
        for key, loss in self.losses.items():
            # Skipped, not multiplied by 0: it shall cost nothing, and 0 * inf is NaN.
            if loss.weight == 0:
                continue
            value = loss(outputs, targets)
            for term, part in value.items() if isinstance(value, dict) else [('', value)]:
                terms[term_name('loss', key, term)] = part
        return terms


def _build_parts(parts: Parts | None, registry: Registry, kind: type[nn.Module], name: str) -> nn.ModuleDict:
    built = nn.ModuleDict()
    for key, part in (parts or {}).items():
        if part is None:
            continue
        module = part if isinstance(part, nn.Module) else registry.build(dict(part))
        if not isinstance(module, kind):
            raise ConfigError(f'model.{name}.{key} is a {type(module).__name__}; expected a {kind.__name__}.')
        built[key] = module
    return built


@overload
def build_part(config: None) -> None: ...


@overload
def build_part(config: Part) -> nn.Module: ...


def build_part(config: Part | None) -> nn.Module | None:
    """A part from its config; a module or None passes through."""
    if config is None or isinstance(config, nn.Module):
        return config
    return MODELS.build(dict(config))
