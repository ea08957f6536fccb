"""Looks at some frames of a video: what a saliency model proposes there, and what of it is common over time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.apis.predictor import Predictor
from salseg.errors import ConfigError, DataError
from salseg.evaluation.metrics.grey import to_grey
from salseg.io.videos import FrameSource
from salseg.models import BaseSegmentor
from salseg.propagation.proposals import common_votes, propose

# Looks that are held; when there are more, every second one is dropped, so that memory is bounded.
MOST_LOOKS = 128


@dataclass(frozen=True)
class FindRules:
    """What counts as an object to be tracked.

    Attributes:
        every: A look is taken at every n-th frame.
        common: Mean similarity to proposals of distant looks that a proposal needs, in [0, 1].
        distant: Fraction of the video from which on two looks are distant.
        lasting: Fraction of the looks since it appeared in which an object must be seen.
        mass: Salience times area that an object must have, as a fraction of that of the strongest object.
        threshold: Saliency from which on a pixel belongs to a proposal, in (0, 1).
        prompts: Looks that are given to the tracker for each object.
        most: Objects, the strongest ones.

    Raises:
        DataError: A value outside its range.
    """

    every: int = 5
    common: float = 0.25
    distant: float = 0.25
    lasting: float = 0.4
    mass: float = 0.4
    threshold: float = 0.5
    prompts: int = 1
    most: int = 20

    def __post_init__(self) -> None:
        if self.every < 1:
            raise DataError(
                f'--find-every {self.every}; expected 1 or more: objects are looked for in every n-th frame.'
            )


@dataclass(frozen=True)
class Look:
    """Proposals of one frame: bits of their masks, features (n, C) inside them, (C,) of the frame, mean saliency."""

    number: int
    shape: tuple[int, int]
    packed: list[np.ndarray]
    vectors: Tensor
    whole: Tensor
    salience: list[float]

    def masks(self) -> np.ndarray:
        """(n, H, W) bool."""
        found = [unpacked(bits, self.shape) for bits in self.packed]
        return np.stack(found) if found else np.zeros((0, *self.shape), bool)

    def only(self, kept: list[int]) -> 'Look':
        """Some of the proposals."""
        return Look(
            self.number, self.shape, [self.packed[i] for i in kept], self.vectors[kept], self.whole,
            [self.salience[i] for i in kept],
        )  # fmt: skip


def unpacked(bits: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(H, W) bool of what `numpy.packbits` gave."""
    return np.unpackbits(bits, count=shape[0] * shape[1]).reshape(shape).astype(bool)


class Proposer(Predictor):
    """Proposals of frames by a model of single images."""

    def __init__(self, model: BaseSegmentor, random_weights: bool = False) -> None:
        if model.input_type != 'image' or not hasattr(model, 'extract'):
            raise ConfigError(
                f'--find takes a saliency model of single images; a {type(model).__name__} of {model.input_type!r} is none. '
                'Leave the model out for salseg-demo, or choose one of `salseg list` with input image.'
            )
        super().__init__(model, random_weights)

    @torch.inference_mode()
    def look(self, image: np.ndarray, number: int, threshold: float) -> Look:
        """Proposals of an image (H, W, 3) uint8 RGB."""
        item = self.pack([image], [str(number)])
        data: Any = self.model.data_preprocessor(dict(inputs=[item['inputs']], data_samples=[item['data_samples']]))
        features, outputs = self.model.run(data['inputs'])
        sample = data['data_samples'][0]
        geometry = sample.geometry[0]
        sample = self.model.finish({name: value[0] for name, value in outputs.items()}, sample)
        saliency = to_grey(sample.pred_maps[0])
        masks = propose(saliency, threshold)
        # The last level but one: the last has too few positions for a small object.
        level = features[max(0, len(features) - 2)][0, 0].float()
        cells = torch.arange(level[0].numel(), device=level.device).view(1, 1, *level.shape[-2:]).float()
        cells = F.interpolate(cells, size=data['inputs'].size, mode='nearest')[0]
        places = geometry.undo(cells, mode='nearest', fill=-1)[0].long().cpu().numpy()
        rows = level.flatten(1).T.cpu()
        vectors = [self._inside(rows, places[mask]) for mask in masks]
        return Look(
            number,
            saliency.shape,
            [np.packbits(mask) for mask in masks],
            torch.stack(vectors) if vectors else rows.new_zeros(0, rows.shape[1]),
            rows.mean(0),
            [float(saliency[mask].mean()) / 255 for mask in masks],
        )

    @staticmethod
    def _inside(rows: Tensor, places: np.ndarray) -> Tensor:
        """Mean of feature rows, each as often as it is named."""
        counts = torch.from_numpy(np.bincount(places[places >= 0], minlength=len(rows))).to(rows.dtype)
        return counts @ rows / counts.sum().clamp(min=1)


def take_looks(
    proposer: Proposer,
    source: FrameSource,
    rules: FindRules,
    max_frames: int | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> list[Look]:
    """Looks at every n-th frame; memory is bounded by `MOST_LOOKS`."""
    looks: list[Look] = []
    every = [rules.every]
    total = None if source.names is None else len(source.names)
    for number, image in source.numbered(0, lambda number: number % every[0] == 0):
        if max_frames is not None and number >= max_frames:
            break
        looks.append(proposer.look(image, number, rules.threshold))
        if len(looks) > MOST_LOOKS:
            every[0] *= 2
            looks = [look for look in looks if look.number % every[0] == 0]
        if progress is not None:
            progress(number + 1, total)
    return looks


def keep_common(looks: list[Look], rules: FindRules) -> tuple[list[Look], list[list[float]]]:
    """Looks with the proposals that are common over time, and the votes of these."""
    if not looks:
        return [], []
    # Features have much in common wherever they are taken; what the frames share says nothing of an object.
    shared = torch.stack([look.whole for look in looks]).mean(0)
    vectors = [F.normalize(look.vectors - shared, dim=1) for look in looks]
    numbers = [look.number for look in looks]
    span = numbers[-1] - numbers[0]
    votes = common_votes(vectors, numbers, max(1, round(rules.distant * span)))
    kept = [[i for i, vote in enumerate(own.tolist()) if vote >= rules.common] for own in votes]
    return [look.only(k) for look, k in zip(looks, kept)], [own[k].tolist() for own, k in zip(votes, kept)]
