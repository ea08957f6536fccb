"""Which frames, images and objects of a set a training item has."""

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from salseg.datasets.base import DrawAgain
from salseg.datasets.sampling.clips import forward_clip, frame_gap, spread_clip, stratified_clip
from salseg.datasets.transforms.base import PER_FRAME, FrameTransform, Results
from salseg.errors import ConfigError, DataError
from salseg.io.annotations import UNKNOWN, read_annotation
from salseg.registry import TRANSFORMS

_KINDS = {'spread': spread_clip, 'forward': forward_clip, 'stratified': stratified_clip}


@TRANSFORMS.register_module()
class SampleClip(FrameTransform):
    """Keep a few frames of a video; comes first, so that only they are read.

    A clip whose first frame shows no object is drawn again; the last trial counts whatever it shows.

    Args:
        length: Frames of the clip (T).
        kind: 'spread', see `spread_clip`, 'forward', `forward_clip`, or 'stratified', `stratified_clip`.
        gaps: Largest gap between frames: one number, or a curriculum as in `frame_gap`.
        total_draws: Draws of the whole training, iterations times batch size, whatever the number of processes; needed
            with a curriculum.
        divisor: Gaps are divided by this, rounded down, at least 1: for sets that are annotated in every so-manieth
            frame.
        trials: Times a clip is drawn at most; those of `SelectObjects` behind it are counted with them.
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
                f"SampleClip: kind={kind!r} must be 'spread', 'forward' or 'stratified'; length={length}, trials={trials} and "
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
        for trial in range(min(results.get('trial', 0), self.trials - 1), self.trials):
            results['trial'] = trial
            try:
                chosen = _KINDS[self.kind](count, self.length, self.gap(results['draw']), rng)
            except ValueError as error:
                raise DataError(
                    f'{results["dataset"]} / {results["set_id"]}: {error} Leave such videos out with min_frames, or '
                    'shorten SampleClip(length=...).'
                ) from error
            chosen = chosen[::-1] if rng.random() < self.reverse else chosen
            if trial + 1 == self.trials or shows_object(results, chosen[0]):
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
        labels = read_annotation(paths[frame], results['label_kind'][frame])
    else:
        return False
    return bool(((labels > 0) & (labels < UNKNOWN)).any())


@TRANSFORMS.register_module()
class SampleGroup(FrameTransform):
    """Sample members of a group without replacement, in random order; first in a training pipeline.

    Groups are never padded with invented frames: such frames would take part in every vote of the group.

    Args:
        num_frames: Members to draw.
        short: A group with fewer: 'keep' all it has, which needs one group per batch; 'repeat' members until there are
            enough, each about equally often; 'refuse'.

    Raises:
        ConfigError: An option is out of range.
    """

    def __init__(self, num_frames: int = 16, short: Literal['keep', 'repeat', 'refuse'] = 'keep') -> None:
        if num_frames < 1 or short not in ('keep', 'repeat', 'refuse'):
            raise ConfigError(
                f"SampleGroup: num_frames={num_frames} is at least 1, short={short!r} 'keep', 'repeat' or 'refuse'."
            )
        self.num_frames = num_frames
        self.short = short

    def transform(self, results: Results) -> Results:
        """Keep the drawn members.

        Raises:
            DataError: The group is too small and that is refused.
        """
        count = len(results['frame_paths'])
        if count < self.num_frames and self.short == 'refuse':
            raise DataError(
                f'{results["dataset"]} / {results["set_id"]} has {count} frames, fewer than {self.num_frames}. Set '
                "SampleGroup(short='keep') with batch_size=1, or short='repeat'."
            )
        chosen = choose_members(self.rng(results), count, self.num_frames, self.short == 'repeat')
        present = [name for name in PER_FRAME if results.get(name) is not None]
        return {**results, **{name: [results[name][member] for member in chosen] for name in present}}


def choose_members(rng: np.random.Generator, count: int, wanted: int, repeat: bool) -> list[int]:
    """Numbers below ``count`` in random order: ``wanted`` different ones, or all; with ``repeat`` rounds of all of
    them.

    Args:
        rng: Drawn from once per round.
        count: Members of the group.
        wanted: How many to draw.
        repeat: Whether a member may come again once all have come.
    """
    chosen = rng.permutation(count).tolist()
    while repeat and len(chosen) < wanted:
        chosen += rng.permutation(count).tolist()
    return chosen[:wanted]


@TRANSFORMS.register_module()
class SelectObjects(FrameTransform):
    """Sample objects of the first frame as ids 1, 2, ...; the rest is background.

    Comes after `LoadLabels`, or `LoadBoxes` with a slot per object, and after all that can move an object out of the
    frame: an object that a crop left out is none (released code of XMem). Where no object is left, the whole item is
    drawn again, clip and augmentation.

    Adds ``object_ids``, the ids that the objects had, and ``object_valid`` (max_objects,), which slots are used: at
    least the first. In a clip without any object the last trial counts, and its first slot learns that nothing is there.

    Args:
        max_objects: Slots (K); where the first frame shows more objects, that many are drawn.
        trials: Times an item is drawn at most, those of `SampleClip` counted.

    Raises:
        ConfigError: A number is not positive.
    """

    def __init__(self, max_objects: int = 3, trials: int = 5) -> None:
        if not 1 <= max_objects < UNKNOWN or trials < 1:
            raise ConfigError(
                f'SelectObjects: max_objects={max_objects}, trials={trials}; expected 1 to {UNKNOWN - 1}, and at least 1.'
            )
        self.max_objects, self.trials = max_objects, trials

    def transform(self, results: Results) -> Results:
        """The same clip with its objects renumbered.

        Raises:
            DataError: The clip has neither labels nor boxes.
            DrawAgain: Its first frame shows no object, and there are trials left.
        """
        present = self._present(results)
        following = results.get('trial', 0) + 1
        if not present and following < self.trials:
            raise DrawAgain(following)
        chosen = draw_objects(present, self.max_objects, self.rng(results))
        if 'box_maps' in results:
            self._select_maps(results, chosen)
        else:
            table = np.zeros(256, np.uint8)
            table[UNKNOWN] = UNKNOWN
            table[chosen] = np.arange(1, len(chosen) + 1)
            results['labels'] = [cv2.LUT(labels, table) for labels in results['labels']]
        results['object_ids'] = tuple(chosen)
        results['object_valid'] = np.arange(self.max_objects) < max(1, len(chosen))
        return results

    def _present(self, results: Results) -> list[int]:
        if 'box_maps' in results and results.get('object_ids') is not None:
            shown = results['box_maps'][0].any((0, 1))
            return [index for index, there in zip(results['object_ids'], shown) if there]
        if 'labels' not in results:
            raise DataError(
                f'{results["dataset"]} / {results["set_id"]}: SelectObjects found no labels; put LoadLabels before it, or '
                "LoadBoxes(max_objects='all')."
            )
        return [int(i) for i in np.unique(results['labels'][0]) if 0 < i < UNKNOWN]

    def _select_maps(self, results: Results, chosen: Sequence[int]) -> None:
        places = [results['object_ids'].index(index) for index in chosen]
        missing = [(0, 0), (0, 0), (0, self.max_objects - len(chosen))]
        results['box_maps'] = [np.pad(maps[..., places], missing) for maps in results['box_maps']]


def draw_objects(present: Sequence[int], most: int, rng: np.random.Generator) -> list[int]:
    """Up to ``most`` ids, ascending; draws only where there are more."""
    if len(present) <= most:
        return sorted(present)
    return sorted(rng.permutation(sorted(present))[:most].tolist())
