"""Draw the frames of a training clip from a video."""

from collections.abc import Sequence

from salseg.datasets.reading import UNKNOWN, read_mask
from salseg.datasets.sampling.object_clips import forward_clip, frame_gap, spread_clip
from salseg.datasets.transforms.base import PER_FRAME, FrameTransform, Results
from salseg.errors import ConfigError, DataError
from salseg.registry import TRANSFORMS

_KINDS = {'spread': spread_clip, 'forward': forward_clip}


@TRANSFORMS.register_module()
class SampleClip(FrameTransform):
    """Keep a few frames of a video; comes first, so that only they are read.

    A clip whose first frame shows no object is drawn again; the last try counts whatever it shows.

    Args:
        length: Frames of the clip (T).
        kind: 'spread', see :func:`spread_clip`, or 'forward', :func:`forward_clip`.
        gaps: Largest gap between frames: one number, or a curriculum as in :func:`frame_gap`.
        total_draws: Draws of the whole training, iterations times batch size over all processes; needed with a
            curriculum.
        divisor: Gaps are divided by this, rounded down, at least 1: for sets that are annotated in every so-manieth
            frame.
        trials: Times a clip is drawn at most.
        reverse: Probability that the clip is turned round.

    Raises:
        ConfigError: An option makes no sense.
    """

    def __init__(
        self,
        length: int,
        kind: str = 'spread',
        gaps: int | Sequence[tuple[float, int]] = 5,
        total_draws: int = 0,
        divisor: int = 1,
        trials: int = 5,
        reverse: float = 0.5,
    ) -> None:
        schedule = ((0, gaps),) if isinstance(gaps, int) else tuple((fraction, gap) for fraction, gap in gaps)
        if kind not in _KINDS or length < 1 or trials < 1 or divisor < 1 or not 0 <= reverse <= 1:
            raise ConfigError(
                f"SampleClip: kind={kind!r} must be 'spread' or 'forward'; length={length}, trials={trials} and "
                f'divisor={divisor} at least 1, reverse={reverse} a probability.'
            )
        if len(schedule) > 1 and total_draws < 1:
            raise ConfigError('SampleClip: a curriculum needs total_draws, iterations times batch size.')
        try:
            frame_gap(0, total_draws, schedule)
        except ValueError as error:
            raise ConfigError(f'SampleClip: {error}') from error
        self.length, self.kind, self.schedule, self.total_draws = length, kind, schedule, total_draws
        self.divisor, self.trials, self.reverse = divisor, trials, reverse

    def gap(self, draw: int) -> int:
        """Largest gap at a draw."""
        return max(1, frame_gap(draw, self.total_draws, self.schedule) // self.divisor)

    def transform(self, results: Results) -> Results:
        """Cut everything that has an entry per frame.

        Raises:
            DataError: The video is shorter than the clip.
        """
        rng, count = self.rng(results), len(results['frame_ids'])
        for _ in range(self.trials):
            try:
                chosen = _KINDS[self.kind](count, self.length, self.gap(results['draw']), rng)
            except ValueError as error:
                raise DataError(
                    f'{results["dataset"]} / {results["set_id"]}: {error} Leave such videos out with min_frames, or '
                    'shorten SampleClip(length=...).'
                ) from error
            chosen = chosen[::-1] if rng.random() < self.reverse else chosen
            if shows_object(results, chosen[0]):
                break
        for name in PER_FRAME:
            if results.get(name) is not None:
                results[name] = [results[name][number] for number in chosen]
        return results


def shows_object(results: Results, frame: int) -> bool:
    """Whether a frame's annotation holds an object."""
    if results.get('given_boxes') is not None:
        return bool(results['given_boxes'][frame])
    images, paths = results.get('label_images'), results.get('label_paths')
    if images is not None and images[frame] is not None:
        labels = images[frame]
    elif paths is not None and paths[frame] is not None:
        labels = read_mask(paths[frame], results['label_kind'][frame])
    else:
        return False
    return bool(((labels > 0) & (labels < UNKNOWN)).any())
