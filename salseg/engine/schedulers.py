"""Learning rate schedules that the papers use."""

from typing import Any

from mmengine.optim.scheduler.param_scheduler import _ParamScheduler

from salseg.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class TriangleLR(_ParamScheduler):
    """Linear rise to the optimiser's learning rate and linear fall back (SCWSSOD, released code).

    At step n of ``total``: ``low + (peak - low) * max(0, 1 - |1 - 2 |n + offset| / total|)``, where peak is each parameter
    group's own rate and low is ``low_ratio * peak``.

    Args:
        optimizer: mmengine's wrapper or a torch optimiser.
        total: Steps of the whole triangle, T; in a config by default those of the training (``train_cfg.max_iters``).
        low_ratio: Rate at both ends as a fraction of the peak.
        offset: Added to the step; the released code begins at -1.
        **kwargs: Of mmengine's schedulers.
    """

    def __init__(self, optimizer: Any, total: int, low_ratio: float = 1e-3, offset: int = -1, **kwargs: Any) -> None:
        self.total = total
        self.low_ratio = low_ratio
        self.offset = offset
        super().__init__(optimizer, param_name='lr', **kwargs)

    def _get_value(self) -> list[float]:
        return [triangle(self.last_step + self.offset, self.total, self.low_ratio * v, v) for v in self.base_values]


def triangle(step: int, total: int, low: float, peak: float) -> float:
    """Value of the triangle at a step; steps count by magnitude, so -1 gives the value of 1."""
    return low + (peak - low) * max(0.0, 1 - abs(1 - 2 * abs(step) / total))
