"""EMA weights beside those that learn."""

from mmengine.hooks import EMAHook

from salseg.registry import HOOKS


@HOOKS.register_module()
class ResumableEMAHook(EMAHook):
    """mmengine's hook with its averages' options by name: weights averaged over steps are what is validated and predicts.

    A checkpoint holds both; ``state_dict`` is the average, and a resumed run continues with those that learn.

    Args:
        momentum: Fraction of the newest weights in the average, for every step.
        update_buffers: Average the statistics of batch normalisation too, instead of taking the newest.
        begin_iter: Step from which on weights are averaged.
    """

    def __init__(self, momentum: float = 0.002, update_buffers: bool = False, begin_iter: int = 0) -> None:
        super().__init__(begin_iter=begin_iter, momentum=momentum, update_buffers=update_buffers)
