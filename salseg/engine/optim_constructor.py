"""Parameter groups by learning rate and decay, as few as there are different settings."""

from collections.abc import Mapping
from typing import Any

from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS, Registry
from torch import nn

from salseg.errors import ConfigError
from salseg.registry import OPTIM_WRAPPERS, OPTIMIZERS

CONSTRUCTORS = Registry('optimizer wrapper constructor', parent=OPTIM_WRAPPER_CONSTRUCTORS, scope='salseg')
_KEYS = {'custom_keys', 'norm_decay_mult', 'bias_decay_mult'}
_MULTIPLIERS = {'lr_mult', 'decay_mult'}
_NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm2d)


@CONSTRUCTORS.register_module(name='DefaultOptimWrapperConstructor')
class GroupedOptimWrapperConstructor:
    """Takes the place of the library's constructor, which makes a group of its own for every single parameter.

    One group for each pair of learning rate and decay lets the optimiser step over all its parameters at once.

    Args:
        optim_wrapper_cfg: Config of the wrapper, with ``optimizer``.
        paramwise_cfg: ``custom_keys``, by part of a parameter's name ``lr_mult`` and ``decay_mult`` (the longest part that
            occurs wins); ``norm_decay_mult`` and ``bias_decay_mult``.

    Raises:
        ConfigError: An unknown key.
    """

    def __init__(self, optim_wrapper_cfg: Mapping[str, Any], paramwise_cfg: Mapping[str, Any] | None = None) -> None:
        self.config = dict(optim_wrapper_cfg)
        self.paramwise = dict(paramwise_cfg or {})
        wrong = sorted(set(self.paramwise) - _KEYS)
        for part, multipliers in self.paramwise.get('custom_keys', {}).items():
            wrong += [f'custom_keys[{part!r}].{key}' for key in multipliers if key not in _MULTIPLIERS]
        if wrong:
            raise ConfigError(
                f'optim_wrapper.paramwise_cfg: unknown {", ".join(wrong)}; expected {", ".join(sorted(_KEYS))}, and '
                f'{", ".join(sorted(_MULTIPLIERS))} in custom_keys.'
            )

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Wrapper around the optimiser of a model's trainable parameters."""
        module = model.module if hasattr(model, 'module') else model
        optimizer = dict(self.config['optimizer'])
        groups = self._groups(module, optimizer.get('lr'), optimizer.get('weight_decay', 0.0))
        self._check_keys(module)
        for group in groups:
            rates = f'lr {group.get("lr", "default")}, weight decay {group["weight_decay"]}'
            MMLogger.get_current_instance().info(f'parameters: {sum(p.numel() for p in group["params"]):,} at {rates}')
        built = OPTIMIZERS.build({**optimizer, 'params': groups})
        wrapper = {'type': 'OptimWrapper', **self.config, 'optimizer': built}
        return OPTIM_WRAPPERS.build(wrapper)

    def _groups(self, module: nn.Module, rate: float | None, decay: float) -> list[dict[str, Any]]:
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        seen: set[int] = set()
        for prefix, child in module.named_modules():
            for name, parameter in child.named_parameters(recurse=False):
                if parameter.requires_grad and id(parameter) not in seen:
                    seen.add(id(parameter))
                    key = self._multipliers(f'{prefix}.{name}', child, name)
                    groups.setdefault(key, []).append(parameter)
        lr = {} if rate is None else {'lr': rate}
        return [
            {'params': parameters, **{k: v * by_lr for k, v in lr.items()}, 'weight_decay': decay * by_decay}
            for (by_lr, by_decay), parameters in groups.items()
        ]

    def _multipliers(self, full: str, child: nn.Module, name: str) -> tuple[float, float]:
        custom = self.paramwise.get('custom_keys', {})
        parts = sorted((part for part in custom if part in full), key=len, reverse=True)
        chosen = custom[parts[0]] if parts else {}
        decay = 1.0
        if isinstance(child, _NORMS):
            decay = self.paramwise.get('norm_decay_mult', 1.0)
        elif name == 'bias':
            decay = self.paramwise.get('bias_decay_mult', 1.0)
        return chosen.get('lr_mult', 1.0), chosen.get('decay_mult', decay)

    def _check_keys(self, module: nn.Module) -> None:
        names = [name for name, _ in module.named_parameters()]
        for part in self.paramwise.get('custom_keys', {}):
            if not any(part in name for name in names):
                raise ConfigError(
                    f'optim_wrapper.paramwise_cfg.custom_keys: no parameter has {part!r} in its name; the first are '
                    f'{", ".join(names[:3])}.'
                )
