"""Video salient object detection: every video counts the same, without its first and last annotated frame."""

from collections.abc import Mapping, Sequence

from salseg.errors import DataError
from salseg.evaluation.functional.aggregate import group_level
from salseg.evaluation.functional.saliency import Scores


def video_level(videos: Mapping[str, Sequence[Scores]], *, skip_first_last: bool = True) -> Scores:
    """Metrics of a video data set, by the protocol of the DAVSOD evaluation code (Fan et al., CVPR 2019).

    Scores and curves are averaged within each video, then over videos; largest and mean values come from that curve.

    Args:
        videos: By video, results of `saliency_scores` of its **annotated** frames, in temporal order. On sparsely
            annotated sets (FBMS, VOS) first and last mean those of the annotated frames.
        skip_first_last: Leave out the first and the last frame of each video.

    Returns:
        See `summarize_scores`.

    Raises:
        DataError: There is no video, or nothing is left of one.

    Examples:
        >>> first, second = ([{'mae': value} for value in values] for values in ((1.0, 0.25, 1.0), (1.0, 0.75, 1.0)))
        >>> video_level({'a': first, 'b': second})  # without first and last frame: the mean of 0.25 and 0.75
        {'mae': 0.5}
    """
    if not skip_first_last:
        return group_level(videos)
    for name, scores in videos.items():
        if len(scores) < 3:
            raise DataError(
                f'video {name!r} has {len(scores)} scored frames; without the first and the last one '
                'nothing is left. Leave the video out, or pass skip_first_last=False for all.'
            )
    return group_level({name: scores[1:-1] for name, scores in videos.items()})
