"""Track the objects of a video frame by frame, and what it costs."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from salseg.errors import ConfigError, DataError, NotFinite, missing_weights
from salseg.ops.geometry import map_size
from salseg.ops.precision import at_least_float32, mixed_precision
from salseg.propagation.prompt import Prompt


@dataclass
class FrameResult:
    """Result of one frame.

    Attributes:
        probability: (1 + K, H, W) float in [0, 1], background first, then the objects in the order of ``object_ids``.
        object_ids: The user's own ids of the objects tracked.
        weights: Where the weights came from, for messages.
    """

    probability: Tensor
    object_ids: tuple[int, ...]
    weights: str = ''

    @cached_property
    def labels(self) -> np.ndarray:
        """(H, W) uint8: the most probable object's id at each pixel, 0 background.

        Raises:
            NotFinite: A probability is infinite or no number.
        """
        ids = torch.tensor((0, *self.object_ids), dtype=torch.uint8, device=self.probability.device)
        return ids[self._winner].cpu().numpy()

    @cached_property
    def confidence(self) -> dict[int, float]:
        """By id, the mean probability of an object over its own mask, in [0, 1]; 0 for an object without a pixel."""
        count = len(self.object_ids) + 1
        winner = self._winner.flatten()
        best = self.probability.gather(0, self._winner[None]).flatten().double()
        total = torch.zeros(count, dtype=torch.float64, device=best.device).index_add_(0, winner, best)
        pixels = torch.bincount(winner, minlength=count)
        means = (total / pixels.clamp(min=1)).tolist()
        return dict(zip(self.object_ids, means[1:]))

    @cached_property
    def _winner(self) -> Tensor:
        # Here and not in the step, since what is made of it goes to the host anyway. Each is at most 1, so the sum tells.
        if not math.isfinite(float(self.probability.sum())):
            raise NotFinite(
                f'the probabilities of a frame are no numbers: the weights{self.weights and f" ({self.weights})"} have '
                'diverged, or are damaged. Use an earlier checkpoint.'
            )
        return self.probability.argmax(0)


@dataclass(frozen=True)
class MemoryReport:
    """Size of the state that a propagator keeps between two frames.

    Attributes:
        elements: Stored positions or maps by name; the model's page says how each is bounded.
        bytes: Size of all stored tensors.
    """

    elements: dict[str, int] = field(default_factory=dict)
    bytes: int = 0


BOX_PROMPTS = ('fill', 'refine')


class PropagationModel(Protocol):
    """What a model must offer to be driven by a `Propagator`."""

    weights_source: str | None
    shorter_side: int | None
    data_preprocessor: Any

    def init_state(self) -> Any:
        """Empty state of a video; it has ``object_ids``, ``state_dict()`` and ``load_state_dict(state)``."""

    def step(self, frame: Tensor, state: Any, prompt: Prompt | None = None, *, last: bool = False) -> FrameResult:
        """Result for one frame (3, H, W), normalised.

        A model whose memory takes frames without a prompt for good has ``permanent_frames = True`` and takes
        ``permanent=True`` here too.
        """

    def remove_objects(self, state: Any, ids: Sequence[int]) -> None:
        """Forget objects."""

    def memory_report(self, state: Any) -> MemoryReport:
        """What a state holds."""


class Propagator:
    """Tracks objects through one video, frame by frame, from prompts; keeps a bounded state.

    Objects may be given at any frame, under ids that never change; they can be corrected by giving them again and
    removed at any time. Frames before the first prompt give background and leave no trace in the memory.

    Args:
        model: In evaluation mode.
        random_weights: Allow a model that was never given weights; its results are noise.
        box_prompt: What a box becomes: 'fill', the filled box is the mask; 'refine', the model itself segments the
            frame from the filled box, and what it finds inside the box is the mask (the filled box where it finds
            nothing).
        shorter_side: Frames are resized so that their shorter side has this length; None keeps their size, 'model' does
            what the model was made for.
        flip: Mirror the frames left to right, and the result back.
        scale: Factor on the size at which frames are processed.

    Raises:
        CheckpointError: The model has no weights and that was not allowed.
        ConfigError: An argument is not one of those named.
    """

    def __init__(
        self,
        model: PropagationModel,
        random_weights: bool = False,
        box_prompt: str = 'fill',
        shorter_side: int | str | None = 'model',
        flip: bool = False,
        scale: float = 1.0,
    ) -> None:
        if model.weights_source is None and not random_weights:
            raise missing_weights(model, 'what it tracks')
        if box_prompt not in BOX_PROMPTS:
            raise ConfigError(f"box_prompt={box_prompt!r}; expected 'fill' or 'refine'.")
        if isinstance(shorter_side, str) and shorter_side != 'model':
            raise ConfigError(f"shorter_side={shorter_side!r}; expected a number of pixels, None or 'model'.")
        if not 0 < scale < math.inf:
            raise ConfigError(f'scale={scale}; expected a positive factor, such as 0.8 or 1.2.')
        self.model = model
        self.scale = scale
        self.box_prompt = box_prompt
        self.shorter_side = model.shorter_side if isinstance(shorter_side, str) else shorter_side
        self.flip = flip
        self.reset()

    def reset(self) -> None:
        """Forget the video; the next step begins another one."""
        self.state = self.model.init_state()
        self._size: tuple[int, int] | None = None
        self._ended = False

    @property
    def object_ids(self) -> tuple[int, ...]:
        """Ids of the objects tracked."""
        return tuple(self.state.object_ids)

    @property
    def memory(self) -> MemoryReport:
        """What is held between two frames."""
        return self.model.memory_report(self.state)

    def snapshot(self) -> dict[str, Any]:
        """All that is needed to continue after a restart: numbers and tensors, fit for ``torch.save``."""
        return dict(state=self.state.state_dict(), size=self._size, ended=self._ended)

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Resume from what `snapshot` gave, with the same model and arguments."""
        self.reset()
        self.state.load_state_dict(snapshot['state'])
        self._size = None if snapshot['size'] is None else tuple(snapshot['size'])
        self._ended = snapshot['ended']

    def remove_objects(self, ids: Iterable[int]) -> None:
        """Stop tracking some objects and free what only they needed.

        Raises:
            DataError: An id is not tracked.
        """
        wanted = [int(i) for i in ids]
        unknown = [i for i in wanted if i not in self.state.object_ids]
        if unknown:
            raise DataError(f'objects {unknown} are not tracked; tracked are {list(self.state.object_ids)}.')
        self.model.remove_objects(self.state, wanted)

    def step(
        self,
        image: np.ndarray,
        prompt: Prompt | np.ndarray | None = None,
        *,
        last: bool = False,
        permanent: bool = False,
    ) -> FrameResult:
        """Result for the next frame.

        Args:
            image: (H, W, 3) uint8 RGB.
            prompt: Objects given in this frame, or an integer label map (H, W), see `Prompt.from_labels`.
            last: Whether no frame follows; the model then saves the work of remembering this one.
            permanent: Keep the frame in the memory for good, with what is found in it. Frames with a prompt are kept
                anyway.

        Returns:
            Labels and probabilities at the image's size.

        Raises:
            DataError: The image is no uint8 RGB image or has another size than those before, the prompt another
                size than the image; a new object's mask is empty; the video has ended.
            ConfigError: The model has no memory to keep the frame in.
        """
        image = np.asarray(image)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise DataError(f'the frame has shape {image.shape} and type {image.dtype}; expected (H, W, 3) uint8 RGB.')
        if prompt is not None and not isinstance(prompt, Prompt):
            prompt = Prompt.from_labels(prompt)
        preprocessor = self.model.data_preprocessor
        pixels = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).to(preprocessor.mean.device)
        return self.step_frame(
            torch.sub(pixels, preprocessor.mean).div_(preprocessor.std), prompt, last=last, permanent=permanent
        )

    @torch.no_grad()
    def step_frame(
        self, frame: Tensor, prompt: Prompt | None = None, *, last: bool = False, permanent: bool = False
    ) -> FrameResult:
        """As `step`, for a frame (3, H, W) that is normalised already."""
        size = map_size(frame)
        self._check(size, prompt)
        if permanent:
            check_permanent(self.model)
        work = _shorter_side(size, self.shorter_side, self.scale)
        if work != size:
            frame = F.interpolate(frame[None], size=work, mode='bilinear', align_corners=False)[0]
        prompt = None if prompt is None else prompt.to(frame.device).resized(work)
        if self.flip:
            frame = frame.flip(-1)
            prompt = None if prompt is None else prompt.flipped()
        if prompt is not None and self.box_prompt == 'refine' and any(prompt.from_box):
            prompt = self._refined(frame, prompt)
        # Models without such a memory do not know the word.
        kept = dict(permanent=True) if permanent else {}
        result = self._run(frame, self.state, prompt, last=last, **kept)
        self._size, self._ended = size, last
        probability = result.probability.flip(-1) if self.flip else result.probability
        if work != size:
            probability = F.interpolate(probability[None], size=size, mode='bilinear', align_corners=False)[0]
        return FrameResult(probability, result.object_ids, self.model.weights_source or 'random')

    def _check(self, size: tuple[int, int], prompt: Prompt | None) -> None:
        if self._ended:
            raise DataError('the step before said last=True, which ends the video; call reset() to begin another one.')
        if self._size is not None and size != self._size:
            raise DataError(
                f'this frame is {size[1]}x{size[0]}, those before were {self._size[1]}x{self._size[0]} (width x '
                'height): all frames of a video have one size. Resize it, or call reset() to begin another video.'
            )
        if prompt is None:
            return
        if prompt.size != size:
            raise DataError(
                f'the prompt is {prompt.size[1]}x{prompt.size[0]}, its frame {size[1]}x{size[0]} (width x height): '
                'give masks at the size of the frame.'
            )
        for index, mask in zip(prompt.ids, prompt.masks):
            if index not in self.state.object_ids and not mask.any():
                raise DataError(
                    f'the mask of the new object {index} is empty (or wholly covered by others). Give an object in a '
                    'frame that shows it; only objects tracked already may be given as absent.'
                )

    def _run(self, frame: Tensor, state: Any, prompt: Prompt | None = None, **options: bool) -> FrameResult:
        # Models that are no segmentors of ours need not know of it.
        with mixed_precision(getattr(self.model, 'prediction_dtype', None), frame):
            result = self.model.step(frame, state, prompt, **options)
        # In half precision probabilities near 1 are coarse, and means over a mask lose digits.
        return replace(result, probability=at_least_float32(result.probability))

    def _refined(self, frame: Tensor, prompt: Prompt) -> Prompt:
        """Boxes replaced by what the model, knowing only the boxes, finds inside them."""
        boxes = prompt.only(prompt.from_box)
        state = self.model.init_state()
        self._run(frame, state, boxes)
        found = self._run(frame, state).probability.argmax(0)
        masks = prompt.masks.clone()
        for index, box in zip(boxes.ids, boxes.masks):
            inside = box & (found == state.object_ids.index(index) + 1)
            if inside.any():
                masks[prompt.ids.index(index)] = inside
        return Prompt(prompt.ids, masks, prompt.from_box)


def check_permanent(model: Any) -> None:
    """Refuse permanent frames of a model that cannot keep them.

    Raises:
        ConfigError: It cannot.
    """
    if not getattr(model, 'permanent_frames', False):
        raise ConfigError(
            f'{type(model).__name__} cannot keep a frame without a prompt in its memory for good, with its present '
            'settings; give a mask in that frame instead (XMem can, unless memory.released=True).'
        )


def _shorter_side(size: tuple[int, int], target: int | None, scale: float) -> tuple[int, int]:
    target = min(size) if target is None else target
    wanted = target if scale == 1 else max(1, round(target * scale))
    if min(size) == wanted:
        return size
    return int(size[0] / min(size) * wanted), int(size[1] / min(size) * wanted)


def propagate(
    propagator: Any,
    frames: Iterable[np.ndarray],
    prompts: Mapping[int, Prompt | np.ndarray],
) -> Iterator[FrameResult]:
    """Results of a video, frame by frame.

    Args:
        propagator: A `Propagator` or `MergedPropagator`, freshly reset.
        frames: (H, W, 3) uint8 RGB each; one frame is read ahead to know the last one.
        prompts: By the number of the frame, from 0.

    Raises:
        DataError: A prompt belongs to a frame that never came.
    """
    count = 0
    waiting = None
    for image in frames:
        if waiting is not None:
            yield propagator.step(waiting, prompts.get(count))
            count += 1
        waiting = image
    if waiting is not None:
        yield propagator.step(waiting, prompts.get(count), last=True)
        count += 1
    late = sorted(number for number in prompts if not 0 <= number < count)
    if late:
        raise DataError(f'prompts were given for the frames {late}, but the video has the frames 0 to {count - 1}.')
