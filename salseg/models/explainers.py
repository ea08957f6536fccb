"""What a network can show of its work, as maps: declared beside the network, run only when somebody asks.

An explainer is a class with a name (``what``) and a test for the models that it suits. A project registers its own in
``EXPLAINERS``; nothing in a network changes for it, and a prediction does not know of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from salseg import ops
from salseg.models.matchers import NER, DemocraticPrototype
from salseg.models.passes import MaskedMatcherPass, RescaledPass
from salseg.models.segmentors import BaseSegmentor, SaliencySegmentor
from salseg.ops.geometry import Pad, cut_padding, map_size
from salseg.propagation import Prompt
from salseg.registry import EXPLAINERS
from salseg.structures import FrameInputs, FrameTargets

ViewKind = Literal['map', 'signed', 'index', 'matrix']
# Frame, row and column of a position.
Place = tuple[int, int, int]


@dataclass(frozen=True)
class View:
    """Maps of one thing inside a network.

    Attributes:
        title: A few words, for the head of a column.
        values: (T, h, w) float at any resolution of the network's frames; of a 'matrix', any two axes.
        kind: 'map'; 'signed', with colours around 0; 'index', numbers of frames, below 0 for none; 'matrix', whose axes
            are no positions.
        limits: Values of the first and the last colour; by default the least and the largest of the set.
        marks: Positions to be marked on the maps.
    """

    title: str
    values: Tensor
    kind: ViewKind = 'map'
    limits: tuple[float, float] | None = None
    marks: tuple[Place, ...] = ()


class Explainer:
    """Shows one thing of the models that it suits.

    Args:
        model: In evaluation mode.

    Attributes:
        what: Name by which it is asked for.
        shows: What the maps are, in a sentence.
    """

    what: str = ''
    shows: str = ''

    def __init__(self, model: Any) -> None:
        self.model = model

    @classmethod
    def suits(cls, model: BaseSegmentor) -> bool:
        """Whether the model has what is shown."""
        raise TypeError(f'{cls.__name__} must define suits')

    def explain(self, inputs: FrameInputs) -> dict[str, View]:
        """Views by name of one set, a batch with B = 1 from the data preprocessor."""
        raise TypeError(f'{type(self).__name__} must define explain')


class TrackingExplainer(Explainer):
    """Shows one thing of a tracker, frame by frame, right before the tracker takes the same step.

    One video each: an explainer may remember what it needs of earlier frames.
    """

    def explain_frame(self, frame: Tensor, state: Any, prompt: Prompt | None) -> dict[str, View]:
        """Views (1, h, w) of the next frame (3, H, W), normalised; none where there is nothing to read yet."""
        raise TypeError(f'{type(self).__name__} must define explain_frame')


def unpadded(values: Tensor, pad: Pad, size: tuple[int, int], mode: str = 'bilinear') -> Tensor:
    """Maps (N, h, w) of a padded frame at the frame's own size, (N, H, W).

    Args:
        values: On any grid.
        pad: See :func:`salseg.ops.geometry.even_padding`.
        size: (H, W) before padding.
        mode: 'bilinear' or 'nearest'.
    """
    left, right, top, bottom = pad
    padded = (size[0] + top + bottom, size[1] + left + right)
    corners = None if mode == 'nearest' else False
    return cut_padding(F.interpolate(values[None], size=padded, mode=mode, align_corners=corners)[0], pad)


def salient_place(logits: Tensor, size: tuple[int, int], frame: int) -> Place:
    """The position of a grid (h, w) that a frame's own map holds for most salient.

    Args:
        logits: (T, 1, H, W).
        size: Of the grid.
        frame: Which.
    """
    coarse = F.adaptive_avg_pool2d(torch.sigmoid(logits[frame].float()), size)[0]
    row, column = divmod(int(coarse.argmax()), size[1])
    return frame, row, column


def change(before: Tensor, after: Tensor) -> Tensor:
    """How far features (T, C, h, w) moved, relative to their mean length: (T, h, w)."""
    before, after = ops.at_least_float32(before), ops.at_least_float32(after)
    return (after - before).norm(dim=1) / before.norm(dim=1).mean().clamp(min=1e-12)


@EXPLAINERS.register_module()
class ResponseExplainer(Explainer):
    """The votes and the response of DCFM's democratic prototypes."""

    what = 'response'
    shows = 'how much each position agrees with the whole group (the best one, marked, is the seed), and the response'

    @classmethod
    def suits(cls, model: BaseSegmentor) -> bool:
        """A model with a democratic prototype that has responses."""
        matcher = getattr(model, 'matcher', None)
        return isinstance(matcher, DemocraticPrototype) and matcher.parts == 'responses'

    def explain(self, inputs: FrameInputs) -> dict[str, View]:
        """``agreement`` with the seeds marked, and ``response``."""
        matcher = self.model.matcher
        features = self.model.extract(inputs)
        frames = features[-1][0]
        strengthened = ops.at_least_float32(frames + matcher.residual(frames))
        votes = matcher.seed_logits(strengthened)
        places = [(frame, *divmod(int(row.argmax()), frames.shape[-1])) for frame, row in enumerate(votes)]
        response = self.model.match(features)[1]['response'][0, :, 0]
        return dict(
            agreement=View('agreement', votes.unflatten(1, map_size(frames)), marks=tuple(places)),
            response=View('response', response, marks=tuple(places)),
        )


@EXPLAINERS.register_module()
class PrototypesExplainer(Explainer):
    """Likeness to the prototypes of the group, of its objects alone and of its background alone."""

    what = 'prototypes'
    shows = (
        "cosine of each position with the group's prototype and with those of the masked features, where the model's own "
        'maps are the mask'
    )

    @classmethod
    def suits(cls, model: BaseSegmentor) -> bool:
        """A model with a democratic prototype."""
        matcher = getattr(model, 'matcher', None)
        return isinstance(matcher, DemocraticPrototype) and 'prototype' in matcher.provides

    def explain(self, inputs: FrameInputs) -> dict[str, View]:
        """``group``, ``foreground`` and ``background``, on one scale of colours."""
        features, outputs = self.model.run(inputs)
        coarsest = features[-1]
        # Without labels, the model's own maps say what is object: the masks of training are the truth.
        found = outputs['probability'] if 'probability' in outputs else torch.sigmoid(outputs['logits'])
        share = ops.resize(found.to(coarsest.dtype), map_size(coarsest))
        masked = MaskedMatcherPass('drop')
        prototypes = dict(
            group=outputs['prototype'],
            foreground=masked.prototype(self.model, coarsest, share),
            background=masked.prototype(self.model, coarsest, 1 - share),
        )
        frames = coarsest[0]
        strengthened = ops.at_least_float32(frames + self.model.matcher.residual(frames))
        maps = {
            name: F.cosine_similarity(strengthened, vector[0].to(strengthened)[:, None, None], dim=1)
            for name, vector in prototypes.items()
        }
        limits = min(float(m.min()) for m in maps.values()), max(float(m.max()) for m in maps.values())
        return {name: View(f'like the {name}', values, limits=limits) for name, values in maps.items()}


@EXPLAINERS.register_module()
class ScalesExplainer(Explainer):
    """The map at full and at reduced size, which structure consistency brings together (SCWSSOD)."""

    what = 'scales'
    shows = 'the map of the image, the map of the image made smaller as in training, and where the two differ'

    @classmethod
    def suits(cls, model: BaseSegmentor) -> bool:
        """A model that is trained with a rescaled pass."""
        return isinstance(model, SaliencySegmentor) and cls._scaled(model) is not None

    @staticmethod
    def _scaled(model: Any) -> RescaledPass | None:
        return next((part for part in model.extra_passes.values() if isinstance(part, RescaledPass)), None)

    def explain(self, inputs: FrameInputs) -> dict[str, View]:
        """``full``, ``small`` and ``difference``."""
        scaled = self._scaled(self.model)
        assert scaled is not None, 'suits() has seen it'
        features, outputs = self.model.run(inputs)
        small = scaled(self.model, inputs, features, outputs, FrameTargets())['logits_rescaled']
        full, less = (torch.sigmoid(logits.float())[0, :, 0] for logits in (outputs['logits'], small))
        less = ops.resize(less.unsqueeze(1), map_size(full))[:, 0]
        size = f'{scaled.scale:g} x'
        return dict(
            full=View('full size', full, limits=(0.0, 1.0)),
            small=View(size, less, limits=(0.0, 1.0)),
            difference=View(f'full - {size}', full - less, 'signed', limits=(-1.0, 1.0)),
        )


@EXPLAINERS.register_module()
class NERExplainer(Explainer):
    """What the parts of NER do to a clip (RCRNet+NER)."""

    what = 'ner'
    shows = (
        'how far each part (non-local block, recurrence, non-local block) moves the features, and what the most salient '
        'position of the middle frame, marked, takes from all frames'
    )

    @classmethod
    def suits(cls, model: BaseSegmentor) -> bool:
        """A model whose matcher is NER."""
        return isinstance(getattr(model, 'matcher', None), NER)

    def explain(self, inputs: FrameInputs) -> dict[str, View]:
        """A view for each part, and ``affinity_<part>`` for each non-local block."""
        matcher, outputs = self.model.matcher, self.model.run(inputs)[1]
        x = self.model.extract(inputs)[-1]
        place = salient_place(outputs['logits'][0], map_size(x), x.shape[1] // 2)
        views: dict[str, View] = {}
        for name, after in matcher.steps(x):
            views[name] = View(f'{name}: change', change(x[0], after[0]))
            if name != 'recurrent':
                affinity = getattr(matcher, name).affinity(x[0], place)
                views[f'affinity_{name}'] = View(f'{name}: affinity', affinity, 'signed', marks=(place,))
            x = after
        return views


def offered(model: BaseSegmentor) -> Mapping[str, type[Explainer]]:
    """Explainers of a model by name."""
    EXPLAINERS.import_from_location()
    kinds = [kind for kind in EXPLAINERS.module_dict.values() if kind.suits(model)]
    return {kind.what: kind for kind in sorted(kinds, key=lambda kind: kind.what)}
