"""Several runs over one video at once, merged frame by frame."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from salseg.errors import ConfigError
from salseg.propagation.prompt import Prompt
from salseg.propagation.propagator import FrameResult, MemoryReport, PropagationModel, Propagator


class MergedPropagator:
    """Runs at several sizes, mirrored or not, whose probabilities are averaged; used like a `Propagator`.

    The runs never see each other's results, so merging frame by frame equals merging after the video (XMem's
    multi-scale testing), without keeping it: the runs' states are what it costs. Each run's probability is floored to
    1/255 before the sum, as the released code stores it.

    Args:
        runs: Propagators, for example ``[Propagator(model, shorter_side=s, flip=f) for s in (480, 600) for f in (0,
            1)]``.

    Raises:
        ConfigError: There is no run.
    """

    def __init__(self, runs: Sequence[Propagator]) -> None:
        if not runs:
            raise ConfigError('MergedPropagator needs at least one run.')
        self.runs = list(runs)

    @property
    def object_ids(self) -> tuple[int, ...]:
        """Ids of the objects tracked."""
        return self.runs[0].object_ids

    @property
    def memory(self) -> MemoryReport:
        """What all runs hold together."""
        reports = [run.memory for run in self.runs]
        names = {name for report in reports for name in report.elements}
        elements = {name: sum(report.elements.get(name, 0) for report in reports) for name in sorted(names)}
        return MemoryReport(elements, sum(report.bytes for report in reports))

    def reset(self) -> None:
        """Forget the video."""
        for run in self.runs:
            run.reset()

    def snapshot(self) -> dict[str, Any]:
        """As `Propagator.snapshot`."""
        return dict(runs=[run.snapshot() for run in self.runs])

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """As `Propagator.restore`."""
        for run, stored in zip(self.runs, snapshot['runs']):
            run.restore(stored)

    def remove_objects(self, ids: Iterable[int]) -> None:
        """Stop tracking some objects."""
        wanted = list(ids)
        for run in self.runs:
            run.remove_objects(wanted)

    def step(
        self,
        image: np.ndarray,
        prompt: Prompt | np.ndarray | None = None,
        *,
        last: bool = False,
        permanent: bool = False,
    ) -> FrameResult:
        """As `Propagator.step`."""
        if prompt is not None and not isinstance(prompt, Prompt):
            prompt = Prompt.from_labels(prompt)
        results = [run.step(image, prompt, last=last, permanent=permanent) for run in self.runs]
        total = torch.zeros_like(results[0].probability)
        for result in results:
            total = total + torch.floor(result.probability * 255)
        return FrameResult(total / (255 * len(self.runs)), results[0].object_ids, results[0].weights)


def build_propagator(
    model: PropagationModel,
    random_weights: bool = False,
    box_prompt: str = 'fill',
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
) -> Propagator | MergedPropagator:
    """One run, or several at factors of the model's own size that are merged, each mirrored too if ``flip``.

    Args:
        model, random_weights, box_prompt: As of `Propagator`.
        scales: Factors on the size at which frames are processed, each once.
        flip: Whether each scale runs a second time on mirrored frames.

    Raises:
        CheckpointError: The model has no weights and that was not allowed.
        ConfigError: There is no scale, one is not positive, or one stands twice.
    """
    if not scales or len(set(scales)) < len(scales):
        raise ConfigError(f'scales={list(scales)}; expected one or several different factors, such as 0.8, 1, 1.2.')
    runs = [
        Propagator(model, random_weights, box_prompt, flip=mirrored, scale=scale)
        for scale in scales
        for mirrored in ((False, True) if flip else (False,))
    ]
    return runs[0] if len(runs) == 1 else MergedPropagator(runs)
