"""YouTube-VOS: J and F of seen and unseen categories."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from salseg.errors import DataError
from salseg.evaluation.functional import SequenceScores, label_scores, youtube_vos_summary
from salseg.evaluation.functional.frames import Frames
from salseg.evaluation.protocols.base import Metrics
from salseg.evaluation.protocols.masks import MaskProtocol, object_means

# By video: by label, the category and the names of the frames in which the object counts.
Meta = Mapping[str, Mapping[int, tuple[str, tuple[str, ...]]]]


@dataclass(frozen=True, kw_only=True)
class YouTubeVosProtocol(MaskProtocol):
    """G of splits whose labels one has.

    Attributes:
        meta: Objects of every video, from `meta.json`.
        seen: Categories of the training set.
    """

    meta: Meta = field(default_factory=dict)
    seen: frozenset[str] = frozenset()

    options: ClassVar[tuple[str, ...]] = ('meta', 'seen')

    @property
    def all_columns(self) -> tuple[str, ...]:
        """G and the four that it is the mean of."""
        return ('G', 'J_seen', 'F_seen', 'J_unseen', 'F_unseen')

    def objects(self, group: str) -> Mapping[int, tuple[str, tuple[str, ...]]]:
        """Objects of a video.

        Raises:
            DataError: `meta.json` does not have the video.
        """
        video = group.rsplit('/', 1)[-1]
        if video not in self.meta:
            raise DataError(
                f'ytvos: meta.json has no video {video!r}; it has {len(self.meta)}. Give the right file: --meta FILE.'
            )
        return self.meta[video]

    def counted(self, stems: Sequence[str], group: str) -> list[int]:
        """Frames in which some object counts, without those that give one and nothing else.

        Raises:
            DataError: A frame that `meta.json` lists has no ground truth: only the server can score such a video.
        """
        listed = self._listed(group)
        missing = self.unlabelled(stems, group)
        if missing:
            raise DataError(
                f'ytvos: {len(missing)} of the {len(listed)} frames that meta.json lists for {group!r} have no ground '
                f'truth, e.g. {missing[0]}. The labels of the official validation set are with its server; G is for '
                'splits whose labels are all here.'
            )
        return [i for i, stem in enumerate(stems) if stem.rsplit('/', 1)[-1] in listed]

    def _listed(self, group: str) -> set[str]:
        """Frames in which an object counts: those that are listed for it, but the first."""
        return {frame for _, frames in self.objects(group).values() for frame in frames[1:]}

    def unlabelled(self, stems: Sequence[str], group: str) -> list[str]:
        """Frames of a video that count and are none of the annotated ones."""
        return sorted(self._listed(group) - {stem.rsplit('/', 1)[-1] for stem in stems})

    def allowed(self, truth: Frames, group: str) -> Collection[int]:
        """Labels of the video in `meta.json`."""
        return tuple(self.objects(group))

    def score_video(self, truth: Frames, prediction: Frames, group: str, stems: Sequence[str]) -> SequenceScores:
        """See `label_scores`; frames that `meta.json` does not list for an object do not count for it.

        An object that is listed in one frame only, the one that gives it, has no frame that counts, and is left out.
        """
        names = [stem.rsplit('/', 1)[-1] for stem in stems]
        objects = self.objects(group)
        given = {}
        for k, (_, frames) in objects.items():
            if len(frames) < 2:
                continue
            if frames[0] not in names:
                raise DataError(f'{group}: object {k} is given in frame {frames[0]}, which has no ground truth.')
            given[k] = names.index(frames[0])
        scores = label_scores(truth, prediction, given)
        for row, k in enumerate(scores.objects):
            unlisted = np.array([name not in objects[k][1] for name in names])
            scores.region[row, unlisted] = scores.boundary[row, unlisted] = np.nan
        return scores

    def summary(self, videos: Mapping[str, SequenceScores]) -> Metrics:
        """J and F of seen and unseen categories and their mean G."""
        means = object_means(videos)
        seen = [self.objects(video)[k][0] in self.seen for video, k in means]
        return youtube_vos_summary([j for j, _ in means.values()], [f for _, f in means.values()], seen)


YTVOS = YouTubeVosProtocol(
    name='ytvos',
    title='YouTube-VOS, splits whose labels one has',
    rule='J and F of every object over its listed frames after the given one, then over seen and unseen objects; '
    'G is the mean of the four',
    source='Xu et al., ECCV 2018; the official metrics come from the server only',
    columns=('G', 'J_seen', 'F_seen', 'J_unseen', 'F_unseen'),
    rank_by='G',
)


def load_meta(path: Path) -> dict[str, dict[int, tuple[str, tuple[str, ...]]]]:
    """Read `meta.json`.

    Raises:
        DataError: It is missing, or has another form.
    """
    try:
        videos = json.loads(path.read_text(encoding='utf-8'))['videos']
        return {
            video: {int(k): (o['category'], tuple(sorted(o['frames']))) for k, o in content['objects'].items()}
            for video, content in videos.items()
        }
    except OSError as error:
        raise DataError(f'ytvos needs meta.json, which lists the objects: {error}. Name it: --meta FILE.') from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f'{path} is no meta.json of YouTube-VOS ({error!r}); expected videos / ID / objects / LABEL / category '
            'and frames.'
        ) from error


def load_seen(path: Path) -> frozenset[str]:
    """Categories of the training set: its `meta.json`, or a text file with one name per line.

    Raises:
        DataError: The file cannot be read, or names none.
    """
    if path.suffix == '.json':
        return frozenset(category for objects in load_meta(path).values() for category, _ in objects.values())
    try:
        names = frozenset(line.strip() for line in path.read_text(encoding='utf-8').splitlines() if line.strip())
    except OSError as error:
        raise DataError(f'the list of seen categories cannot be read: {error}.') from error
    if not names:
        raise DataError(f'{path} names no category; expected one per line.')
    return names
