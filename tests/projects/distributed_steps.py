"""Two steps of every small system in one of several processes, the second in bfloat16; helper of test_distributed_steps.

Usage: torchrun ... distributed_steps.py OUT NAME..., in the folder above ``data``; writes OUT/<rank>.json: by name the
digest of all gradients of either step, the loss, parameters without a gradient, and how the model is wrapped.
"""

import hashlib
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

torch.set_num_threads(1)
os.environ['SALSEG_OFFLINE'] = '1'

from salseg.catalog import config_of
from salseg.engine.config import load_config
from salseg.engine.optim import AutocastOptimWrapper
from salseg.engine.runner import SalRunner
from salseg.engine.train import prepare
from tests.projects.tiny_runs import make_tiny


def main(out: str, *names: str) -> None:
    """Run all systems and write what was found."""
    found = {}
    for name in names:
        config = make_tiny(load_config(str(config_of(name))))
        config.test_dataloader = config.test_evaluator = config.test_cfg = None
        # As many for each process as a small run has: batch statistics of a single image would be of one number.
        loader = config.train_dataloader
        loader.batch_size *= 2
        if 'sizes' in loader.batch_sampler:
            loader.batch_sampler.sizes = tuple(size * 2 for size in loader.batch_sampler.sizes)
        prepare(config, f'{out}/{name}', 'pytorch', amp=False)
        runner = SalRunner.from_cfg(config)
        found[name] = steps(runner)
    Path(out, f'{dist.get_rank()}.json').write_text(json.dumps(found))
    dist.destroy_process_group()


def steps(runner: SalRunner) -> dict[str, Any]:
    """One step in float32 and one in bfloat16 on the next batches."""
    learner = getattr(runner.bare_model, 'learner', None)
    if learner is not None:
        # It rightly refuses features without pretrained weights, which a test has not.
        learner.check_weights = lambda *arguments: None
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    batches = iter(runner.train_dataloader)
    runner.model.train()
    found = [step(runner.model, wrapper, next(batches))]
    halved = AutocastOptimWrapper('bfloat16', optimizer=wrapper.optimizer)
    found.append(step(runner.model, halved, next(batches)))
    return dict(wrapped=type(runner.model).__name__, steps=found)


def step(model: torch.nn.Module, wrapper: Any, batch: Any) -> dict[str, Any]:
    """What one step left in the gradients; a parameter that got none would stop the next step."""
    with wrapper.optim_context(model):
        losses = model._run_forward(model.module.data_preprocessor(batch, True), mode='loss')
    loss, _ = model.module.parse_losses(losses)
    wrapper.backward(loss)
    wanted = [(name, p) for name, p in model.module.named_parameters() if p.requires_grad]
    digest, finite = hashlib.blake2b(digest_size=8), True
    for _, parameter in wanted:
        if parameter.grad is not None:
            digest.update(parameter.grad.numpy().tobytes())
            finite = finite and bool(torch.isfinite(parameter.grad).all())
    missing = [name for name, parameter in wanted if parameter.grad is None]
    wrapper.step()
    wrapper.zero_grad()
    return dict(
        loss=float(loss), finite=finite and math.isfinite(float(loss)), digest=digest.hexdigest(), missing=missing
    )


if __name__ == '__main__':
    main(*sys.argv[1:])
