"""Whole videos for every process, in order."""

from collections.abc import Iterator

from mmengine.dist import get_dist_info
from torch.utils.data import Dataset, Sampler

from salseg.errors import ConfigError
from salseg.registry import DATA_SAMPLERS


def share_videos(lengths: list[int], processes: int) -> list[list[int]]:
    """Videos of each process, balanced by length: the longest first, each to the process with the least so far."""
    videos: list[list[int]] = [[] for _ in range(processes)]
    load = [0] * processes
    for video in sorted(range(len(lengths)), key=lambda v: (-lengths[v], v)):
        least = load.index(min(load))
        videos[least].append(video)
        load[least] += lengths[video]
    return [sorted(own) for own in videos]


@DATA_SAMPLERS.register_module()
class VideoSampler(Sampler[int]):
    """Frames of whole videos, one video after the other, for the videos of this process.

    Args:
        dataset: Has ``video_lengths``, in the order of its items.
        seed: Taken because the runner passes one; nothing is drawn.
        rank, world_size: Of this process; by default the running ones.

    Raises:
        ConfigError: The data set has no ``video_lengths``.
    """

    def __init__(
        self, dataset: Dataset, seed: int | None = None, rank: int | None = None, world_size: int | None = None
    ) -> None:
        lengths = getattr(dataset, 'video_lengths', None)
        if lengths is None:
            raise ConfigError(
                f'VideoSampler: {type(dataset).__name__} has no video_lengths; use it with PromptedVideos.'
            )
        running = get_dist_info()
        rank = running[0] if rank is None else rank
        starts = [sum(lengths[:number]) for number in range(len(lengths))]
        own = share_videos(list(lengths), running[1] if world_size is None else world_size)[rank]
        self.indices = [starts[v] + place for v in own for place in range(lengths[v])]

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices)

    def __len__(self) -> int:
        return len(self.indices)
