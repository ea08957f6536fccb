"""Videos of a release: their frames, and how they are laid out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tests.releases.drawing import full, mix, odd_size, scene
from tests.releases.release import Archive, Order, Part

# More videos than this share a few small scenes, whose files are hard links: a whole split is made in a second.
FEW, SHARED, SMALL = 16, 4, (29, 37)


@dataclass
class Clip:
    """A video: its name, the stems of its frames, `frames` (T, H, W, 3) and `ids` (T, H, W), which may be changed."""

    video: str
    stems: list[str]
    frames: np.ndarray
    ids: np.ndarray

    def empty(self, *times: int) -> None:
        """No object in these frames."""
        self.ids[[time for time in times if time < len(self.ids)]] = 0


def clips(
    order: Order,
    name: str,
    videos: Sequence[str],
    length: int = 9,
    objects: Callable[[int], int] = lambda _: 1,
    stem: str = '{:05d}',
    size: tuple[int, int] | None = None,
    fixed: tuple[int, int] | None = None,
) -> list[Clip]:
    """A clip for every video; `objects` says how many for the index of a video, `stem` is filled with the number.

    `size` is made odd by a few pixels, `fixed` is not.
    """
    made = []
    for index, video in enumerate(videos):
        which = index if len(videos) <= FEW else index % SHARED
        seed = mix(order.seed, name, which)
        here = fixed or odd_size(seed, order.size or size or (None if len(videos) <= FEW else SMALL))
        frames, ids = scene(seed, *here, order.lengths.get(video, order.length or length), objects(which))
        made.append(Clip(video, [stem.format(number) for number in range(len(frames))], frames, ids.copy()))
    return made


def put(
    archive: Archive,
    part: Part,
    clip: Clip,
    paths: tuple[str, str],
    annotated: Iterable[int] | None = None,
    store: Callable[[np.ndarray], np.ndarray] = full,
    mode: str = '',
) -> None:
    """Write a clip: `paths` of image and mask with {video} and {frame}; `annotated` are indexes, all unless given."""
    chosen = set(range(len(clip.stems)) if annotated is None else annotated)
    for time, stem in enumerate(clip.stems):
        key = f'{clip.video}/{stem}'
        archive.image(part, key, paths[0].format(video=clip.video, frame=stem), clip.frames[time])
        if time in chosen:
            ids = clip.ids[time]
            truth = ids > 0 if part.encoding == 'binary' else ids
            archive.mask(part, key, paths[1].format(video=clip.video, frame=stem), store(ids), truth, mode)


def video_part(archive: Archive, encoding: str, place: str = '', **fields: object) -> Part:
    return archive.part(place=place, image_folder='JPEGImages', mask_folder='Annotations', encoding=encoding, **fields)


def same(ids: np.ndarray) -> np.ndarray:
    """Ids stored as they are."""
    return ids


def all_names(splits: dict[str, list[str]]) -> list[str]:
    """The names of all splits, each once, in order."""
    return list(dict.fromkeys(name for names in splits.values() for name in names))


def split_lists(splits: dict[str, list[str]]) -> dict[str, list[str]]:
    """The lists of the converted tree."""
    return {f'ImageSets/{split}.txt': names for split, names in splits.items()}
