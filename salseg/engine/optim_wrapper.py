"""Mixed precision on any device."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from salseg.errors import ConfigError
from salseg.registry import OPTIM_WRAPPERS

_DTYPES = {'bfloat16': torch.bfloat16, 'float16': torch.float16}


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """Forward passes under :class:`torch.autocast`; losses leave it by themselves.

    Args:
        dtype: 'bfloat16' (CPU and GPU, no scaling needed) or 'float16' (GPU, with gradient scaling).
        **kwargs: Of mmengine's ``OptimWrapper``: optimizer, accumulative_counts, clip_grad.

    Raises:
        ConfigError: Unknown number type, or float16 on a CPU.
    """

    def __init__(self, dtype: str = 'bfloat16', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if dtype not in _DTYPES:
            raise ConfigError(f'optim_wrapper.dtype={dtype!r}; expected one of {", ".join(_DTYPES)}.')
        self.device_type = self.optimizer.param_groups[0]['params'][0].device.type
        if dtype == 'float16' and self.device_type == 'cpu':
            raise ConfigError("optim_wrapper.dtype='float16' needs a GPU; use 'bfloat16' on a CPU.")
        self.dtype = _DTYPES[dtype]
        self.scaler = torch.amp.GradScaler(self.device_type, enabled=dtype == 'float16')

    @contextlib.contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast around the forward pass."""
        with super().optim_context(model), torch.autocast(self.device_type, dtype=self.dtype):
            yield

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """Backward of the scaled loss."""
        self.scaler.scale(loss).backward(**kwargs)
        self._inner_count += 1

    def step(self, **kwargs: Any) -> None:
        """Unscale, clip, step."""
        if self.clip_grad_kwargs:
            self.scaler.unscale_(self.optimizer)
            self._clip_grad()
        self.scaler.step(self.optimizer, **kwargs)
        self.scaler.update()

    def state_dict(self) -> dict[str, Any]:
        """Optimiser state and, for float16, that of the scaler."""
        state = super().state_dict()
        if self.scaler.is_enabled():
            state['grad_scaler'] = self.scaler.state_dict()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Undo :meth:`state_dict`."""
        scaler = state_dict.pop('grad_scaler', None)
        if scaler is not None and self.scaler.is_enabled():
            self.scaler.load_state_dict(scaler)
        super().load_state_dict(state_dict)
