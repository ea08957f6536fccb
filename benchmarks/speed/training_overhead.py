"""What the framework adds to a training step: the runner's step against bare forward, backward and optimiser step.

Equality first: both start from the same weights and see the same batches, so their losses must agree to the last bit.
Then the median time of a step, runner and bare in turn, in one process.
"""

import argparse
import statistics
import sys
import tempfile
import time

import torch
from mmengine.hooks import Hook

from salseg.engine.config import load_config
from salseg.engine.hooks import position_seed
from salseg.engine.runner import SalRunner
from salseg.engine.train import prepare
from salseg.registry import HOOKS


@HOOKS.register_module()
class StepTimeHook(Hook):
    """Times from one step's end to the next one's, and keeps each step's loss."""

    priority = 'VERY_LOW'

    def __init__(self) -> None:
        self.times: list[float] = []
        self.losses: list[float] = []
        self.batches: list[dict] = []

    def before_train(self, runner: SalRunner) -> None:
        """Remember the weights that the run starts from."""
        self.start = {k: v.clone() for k, v in runner.bare_model.state_dict().items()}
        self.last = time.perf_counter()

    def after_train_iter(
        self, runner: SalRunner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Book a step."""
        now = time.perf_counter()
        self.times.append(now - self.last)
        self.losses.append(float(outputs['loss'].detach()))
        self.batches.append(data_batch)
        self.last = time.perf_counter()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--model', default='scwssod-lite')
    parser.add_argument('--steps', type=int, default=12)
    parser.add_argument('--rounds', type=int, default=2)
    parser.add_argument('--quick', action='store_true', help='two steps: equality only')
    args = parser.parse_args()
    steps, rounds = (2, 1) if args.quick else (args.steps, args.rounds)
    torch.set_num_threads(1)
    framework, bare = [], []
    for _ in range(rounds):
        hook, config, runner = run_framework(args.model, steps)
        losses, times = run_bare(config, runner, hook)
        if losses != hook.losses:
            print(f'losses differ: {hook.losses[:3]} with the runner, {losses[:3]} without')
            return 1
        framework += hook.times[1:]
        bare += times[1:]
    print(f'losses of {steps} steps: equal')
    if args.quick:
        return 0
    ratio = statistics.median(framework) / statistics.median(bare)
    print(
        f'a step with the runner {statistics.median(framework):.3f} s, bare {statistics.median(bare):.3f} s: {ratio:.3f}x'
    )
    return 0 if ratio <= 1.1 else 1


def run_framework(model: str, steps: int) -> tuple[StepTimeHook, object, SalRunner]:
    """A run of some steps, as `salseg train` does it."""
    config = load_config(
        model,
        [
            f'train_cfg.max_iters={steps}',
            'train_dataloader.dataset.length=16',
            'default_hooks.checkpoint.interval=1000',
        ],
    )
    prepare(config, tempfile.mkdtemp(), 'none', amp=False)
    runner = SalRunner.from_cfg(config)
    hook = StepTimeHook()
    runner.register_hook(hook)
    runner.train()
    return hook, config, runner


def run_bare(config: object, runner: SalRunner, hook: StepTimeHook) -> tuple[list[float], list[float]]:
    """The same steps without runner, hooks and loader."""
    model = runner.bare_model
    model.load_state_dict(hook.start)
    model.train()
    wrapper = runner.build_optim_wrapper(config.optim_wrapper)
    optimizer = wrapper.optimizer
    losses, times = [], []
    rates = rates_of(config, optimizer)
    last = time.perf_counter()
    for step, batch in enumerate(hook.batches):
        torch.manual_seed(position_seed(runner.seed, 0, step))
        rates(step)
        runner.message_hub.update_info('iter', step)  # ramps of losses read it
        data = model.data_preprocessor(batch, True)
        loss = sum(model(**data, mode='loss').values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
        now = time.perf_counter()
        times.append(now - last)
        last = time.perf_counter()
    return losses, times


def rates_of(config: object, optimizer: torch.optim.Optimizer):
    """Set the learning rates of a step as the config's schedule does."""
    from salseg.engine.optim import triangle

    schedule = config.param_scheduler
    peaks = [group['lr'] for group in optimizer.param_groups]

    def set_rates(step: int) -> None:
        for group, peak in zip(optimizer.param_groups, peaks):
            group['lr'] = triangle(step + schedule.offset, schedule.total, schedule.low_ratio * peak, peak)

    return set_rates


if __name__ == '__main__':
    sys.exit(main())
