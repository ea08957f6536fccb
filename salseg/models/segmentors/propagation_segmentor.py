"""Follow prompted objects through a video: VOS."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from salseg.errors import ConfigError, DataError
from salseg.models.segmentors.base import BaseSegmentor, Parts
from salseg.propagation import FrameResult, MemoryReport, Prompt, Propagator
from salseg.structures import ExportPart, FrameInputs, FrameTargets, SalDataSample


class PropagationSegmentor(BaseSegmentor):
    """A tracker: segments frame by frame, from prompts and its memory.

    A project defines its state and four methods of its own (encode, read, decode, memorise; their arguments differ,
    because encoders see masks), and two loops over them: `step`, inference of one frame, and `unroll`,
    training on a clip. The two share these methods and nothing else. Users drive it through
    `salseg.propagation.Propagator`.

    Args:
        shorter_side: Length to which the propagator resizes the shorter side of frames; None keeps their size.
        data_preprocessor, losses, norm_eval: See `BaseSegmentor`. In training no loss sees the first frame,
            which has no output.

    Raises:
        ConfigError: ``shorter_side`` is not positive.
    """

    input_types = ('video',)
    provides_outputs: tuple[str, ...] = ('logits', 'log_odds', 'probability')

    def __init__(
        self,
        shorter_side: int | None = None,
        data_preprocessor: Any = None,
        losses: Parts | None = None,
        norm_eval: bool | str = True,
    ) -> None:
        super().__init__(data_preprocessor, losses, None, norm_eval)
        if shorter_side is not None and shorter_side < 1:
            raise ConfigError(
                f'shorter_side={shorter_side}; expected a number of pixels, or None for the size of the frames.'
            )
        self.shorter_side = shorter_side
        self._stream: Propagator | None = None

    @property
    def provides(self) -> tuple[str, ...]:
        """Outputs of `unroll`."""
        return (*self.provides_outputs, *super().provides)

    def init_state(self) -> Any:
        """State of a video before its first frame; it has ``object_ids``."""
        raise TypeError(f'{type(self).__name__} must define init_state')

    def step(self, frame: Tensor, state: Any, prompt: Prompt | None = None, *, last: bool = False) -> FrameResult:
        """Result for one frame (3, H, W), normalised, and what it leaves in the state."""
        raise TypeError(f'{type(self).__name__} must define step')

    def remove_objects(self, state: Any, ids: Sequence[int]) -> None:
        """Forget objects."""
        raise TypeError(f'{type(self).__name__} must define remove_objects')

    def memory_report(self, state: Any) -> MemoryReport:
        """What a state holds."""
        raise TypeError(f'{type(self).__name__} must define memory_report')

    def export_parts(self, size: tuple[int, int], objects: int) -> dict[str, ExportPart]:
        """Networks between which the memory is, by name, for frames (height, width) and some objects."""
        raise ConfigError(f'{type(self).__name__} names no parts to export.')

    def unroll(self, inputs: FrameInputs) -> dict[str, Tensor]:
        """Outputs of a training clip, (B, T - 1, K, H, W): the first frame is given, not predicted.

        Args:
            inputs: ``frames`` (B, T, 3, H, W) and ``prompt`` (B, K, H, W), the masks of the first frame, of
                which ``valid`` (B, K) says which slots are used.
        """
        raise TypeError(f'{type(self).__name__} must define unroll')

    def run(self, inputs: FrameInputs) -> tuple[list[Tensor], dict[str, Tensor]]:
        """No features, and the outputs of a clip."""
        return [], self.unroll(inputs)

    def loss_from(
        self, inputs: FrameInputs, features: list[Tensor], outputs: dict[str, Tensor], targets: FrameTargets
    ) -> dict[str, Tensor]:
        """Losses over the predicted frames, all but the first."""
        # Outputs begin with frame 1. Unshifted, targets would still have shapes that fit and every frame would be
        # compared with the one before it.
        return super().loss_from(inputs, features, outputs, targets.frames(1, None))

    def predict(self, inputs: FrameInputs, data_samples: Sequence[SalDataSample]) -> list[SalDataSample]:
        """Next frame of a video: add ``pred_labels``, one (H, W) uint8 map of ids at the image's own size.

        Items are single frames, in order; ``frame_index`` 0 begins a video. The same propagator runs here as in Python
        and on the command line.

        Raises:
            DataError: The batch holds more than one frame, or a video does not begin with its first frame.
        """
        if tuple(inputs.frames.shape[:2]) != (1, 1) or len(data_samples) != 1:
            raise DataError(
                f'a batch of {tuple(inputs.frames.shape[:2])} (sets, frames) cannot be tracked: videos are tested '
                'frame by frame, batch_size=1 with a VideoSampler and a PromptedVideos data set.'
            )
        sample = data_samples[0]
        index, count = sample.get('frame_index'), sample.get('video_length')
        if index is None or count is None:
            raise DataError(
                f'{sample.where()}: the item lacks frame_index and video_length; end its pipeline with PackVideoFrame.'
            )
        # The stream outlives this call: a test loop hands over a frame at a time, and a video is one state.
        if index == 0 or self._stream is None:
            if index != 0:
                raise DataError(
                    f'{sample.where()} is frame {index} of its video, whose first frame did not come before it.'
                )
            # Whoever runs the loop has loaded weights or wants random ones; it is not the model's to refuse here.
            self._stream = Propagator(self, random_weights=True)
        prompt = _prompt_of(sample)
        # Said to the model, which then spares the memory what nobody will read.
        last = index == count - 1
        result = self._stream.step_frame(inputs.frames[0, 0], prompt, last=last)
        sample.pred_labels = [result.labels]
        if last:
            # Its state holds the memory of a whole video, beside which the next one would begin.
            self._stream = None
        return [sample]


def _prompt_of(sample: SalDataSample) -> Prompt | None:
    """The ids given in this frame, as masks or as boxes around them."""
    given = sample.get('prompt')
    if given is None:
        return None
    prompt = Prompt.from_labels(given)
    return prompt.boxed() if sample.get('prompt_kind') == 'box' else prompt
