"""What a tracked video leaves beside its masks: the log of its objects, overlay, RLE JSON, and alpha for cutting."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from salseg.errors import DataError
from salseg.io.annotations import read_annotation, read_map
from salseg.io.coco import CocoTrackWriter, TrackedMask
from salseg.io.files import csv_cell, write_text
from salseg.io.images import write_png
from salseg.io.record import FileMark
from salseg.io.video_writing import VideoWriter, can_write_alpha
from salseg.io.videos import FrameSource
from salseg.propagation import FrameResult
from salseg.visualization.overlay import cutout
from salseg.visualization.palette import overlay_labels, write_label_png

# The report is for people and other programs; what a repeated call compares is in the run's record.
STATE, STATES, LOG = '.track-state.pth', '.track-states', '.track-frames.jsonl'
OVERLAY, REPORT, OBJECTS, RLE = 'overlay.mp4', 'track.json', 'objects.csv', 'rle.json'
MASKS, MATTE, ALPHA = 'masks', 'matte', 'alpha'
Seen = dict[int, tuple[int, float]]


@dataclass(frozen=True)
class ObjectTrack:
    """Summary of one object.

    Attributes:
        index: Its id.
        first: Number of the first frame that gave it.
        frames: In which it was tracked.
        area: Mean number of its pixels over these frames.
        confidence: Mean over the frames with a pixel of its mean probability inside its mask, in [0, 1].
        lost: Runs of tracked frames in which it was lost, as [first, last].
    """

    index: int
    first: int
    frames: int
    area: float
    confidence: float
    lost: list[list[int]]


class TrackFolder:
    """Files of one tracked video.

    Args:
        out: The folder.
        source: The video.
    """

    def __init__(self, out: Path, source: FrameSource) -> None:
        self.out, self.source = out, source

    def mask(self, number: int) -> Path:
        """Label PNG of a frame."""
        return self.out / MASKS / f'{self.source.name(number)}.png'

    def matte(self, number: int) -> Path:
        """Soft opacity of a frame."""
        return self.out / MATTE / f'{self.source.name(number)}.png'

    def labels(self, number: int) -> np.ndarray:
        """(H, W) uint8 ids of a frame that was written."""
        return read_annotation(self.mask(number), 'index')

    def opacity(self, number: int) -> np.ndarray:
        """(H, W) uint8 matte of a frame that was written."""
        return read_map(self.matte(number))

    def masks(self) -> list[Path]:
        """Label PNGs that are there."""
        return sorted((self.out / MASKS).glob('*.png'))

    def holds_nothing(self) -> bool:
        """Whether there is no result."""
        return not (self.out / OVERLAY).exists() and not self.masks()

    def write(self, number: int, labels: np.ndarray, matte: np.ndarray | None, seen: Mapping[int, tuple]) -> None:
        """Files of a frame; its mask comes last, so that where it is, all is."""
        line = dict(frame=number, objects={str(index): [area, sure] for index, (area, sure) in seen.items()})
        with open(self.out / LOG, 'a', encoding='utf-8') as file:
            file.write(json.dumps(line) + '\n')
        if matte is not None:
            (self.out / MATTE).mkdir(parents=True, exist_ok=True)
            write_png(self.matte(number), matte, durable=False)
        write_label_png(self.mask(number), labels)

    def log(self) -> dict[int, Seen]:
        """By frame and id, area in pixels and mean probability; a later line of a frame wins.

        A line whose probability is null changes the area only: that of the other pass over the video stays.
        """
        found: dict[int, Seen] = {}
        path = self.out / LOG
        for line in path.read_text(encoding='utf-8').splitlines() if path.exists() else ():
            try:
                values = json.loads(line)
                number, objects = values['frame'], {int(i): (int(a), p) for i, (a, p) in values['objects'].items()}
            except (ValueError, KeyError, TypeError):
                # Cut by a kill: its frame has no mask yet, and is tracked again.
                continue
            before = found.setdefault(number, {})
            for index, (area, sure) in objects.items():
                before[index] = area, float(before.get(index, (0, 0.0))[1] if sure is None else sure)
        return found

    def forget(self, number: int) -> None:
        """Remove what belongs to the frames from one on, and what is made of all frames."""
        self.remove_products()
        numbers = {name: place for place, name in enumerate(self.source.names)} if self.source.names else None
        for path in [*self.masks(), *(self.out / MATTE).glob('*.png')]:
            if (int(path.stem) if numbers is None else numbers.get(path.stem, 0)) >= number:
                path.unlink()
        log = self.log()
        kept = [
            json.dumps(dict(frame=n, objects={str(i): list(v) for i, v in log[n].items()}))
            for n in sorted(log)
            if n < number
        ]
        if (self.out / LOG).exists():
            write_text(self.out / LOG, ''.join(f'{line}\n' for line in kept))

    def remove_products(self) -> None:
        """Remove what is made of all frames."""
        for path in [*(self.out / name for name in (OVERLAY, REPORT, OBJECTS, RLE)), self.out / f'{ALPHA}.mov']:
            path.unlink(missing_ok=True)
        for path in (self.out / ALPHA).glob('*.png'):
            path.unlink()

    def clear(self) -> None:
        """Remove all that track writes, but the record."""
        self.remove_products()
        for path in (*self.masks(), *(self.out / MATTE).glob('*.png'), *(self.out / STATES).glob('*.pth')):
            path.unlink()
        for name in (STATE, LOG):
            (self.out / name).unlink(missing_ok=True)

    def cut_log(self) -> None:
        """Cut off a line that a kill left without its end, so that the next one does not continue it."""
        path = self.out / LOG
        text = path.read_bytes() if path.exists() else b''
        if text and not text.endswith(b'\n'):
            with open(path, 'r+b') as file:
                file.truncate(text.rfind(b'\n') + 1)

    def result(self, name: str) -> Path:
        """A result by its name in the record."""
        return self.out / (name if name in (OBJECTS, OVERLAY, RLE, f'{ALPHA}.mov') else f'{MASKS}/{name}')

    def marks(self) -> dict[str, FileMark]:
        """Of the masks, and of what is made of all of them."""
        whole = [path for path in map(self.result, (OBJECTS, OVERLAY, RLE, f'{ALPHA}.mov')) if path.is_file()]
        return {path.name: FileMark.of(path, content=True) for path in [*self.masks(), *whole]}

    def replay(self, video: VideoWriter, visits: Callable[[int], bool], stop: int | None) -> None:
        """Write the overlay of frames that have masks, up to one."""
        for number, image in self._frames(visits, stop):
            video.write(overlay_labels(image, self.labels(number)))

    def write_rle(self, path: Path, visits: Callable[[int], bool], objects: list[int]) -> None:
        """All masks as a COCO file."""
        log = self.log()
        with CocoTrackWriter(path, objects) as writer:
            for number in sorted(n for n in log if visits(n)):
                labels = self.labels(number)
                found = [
                    TrackedMask(index, labels == index, log[number].get(index, (0, 0.0))[1])
                    for index in np.unique(labels[labels > 0]).tolist()
                ]
                name = self.source.files[number].name if self.source.names else self.source.name(number)
                writer.write(number, name, labels.shape, found)

    def write_alpha(self, visits: Callable[[int], bool], fps: float) -> Path:
        """Frames with their mattes: ProRes 4444 where PyAV is there, else RGBA PNGs."""
        if not can_write_alpha():
            for number, image in self._frames(visits, None):
                path = self.out / ALPHA / f'{self.source.name(number)}.png'
                path.parent.mkdir(parents=True, exist_ok=True)
                write_png(path, cutout(image, self.opacity(number)), durable=False)
            return self.out / ALPHA
        with VideoWriter(self.out / f'{ALPHA}.mov', fps) as video:
            for number, image in self._frames(visits, None):
                video.write(cutout(image, self.opacity(number)))
        return self.out / f'{ALPHA}.mov'

    def _frames(self, visits: Callable[[int], bool], stop: int | None) -> Iterator[tuple[int, np.ndarray]]:
        for number, image in self.source.numbered(0, visits):
            if (stop is not None and number >= stop) or not self.mask(number).exists():
                return
            yield number, image


def look(result: FrameResult, labels: np.ndarray, own: list[int]) -> dict[int, tuple[int, float | None]]:
    """By id, area in the labels and confidence of the objects that a pass answers for; others have their area only."""
    counts = np.bincount(labels.ravel(), minlength=256)
    others = [index for index in np.flatnonzero(counts).tolist() if index and index not in own]
    sure = {index: round(result.confidence.get(index, 0.0), 4) for index in own}
    return {**{i: (int(counts[i]), sure[i]) for i in own}, **{i: (int(counts[i]), None) for i in others}}


def matte_of(result: FrameResult, own: list[int]) -> np.ndarray:
    """(H, W) uint8: the probability of the objects that a pass answers for, together."""
    places = [place for place, index in enumerate(result.object_ids, 1) if index in own]
    total = result.probability[places].sum(0).clamp(0, 1)
    return (total * 255).round().byte().cpu().numpy()


def summarise(log: Mapping[int, Seen], first: Mapping[int, int], lost_below: float) -> list[ObjectTrack]:
    """Objects of a whole video."""
    tracks = []
    for index in sorted(first):
        seen = {number: log[number][index] for number in sorted(log) if index in log[number]}
        sure = [p for area, p in seen.values() if area]
        areas = [area for area, _ in seen.values()]
        tracks.append(
            ObjectTrack(
                index,
                first[index],
                len(seen),
                round(float(np.mean(areas)), 1) if areas else 0.0,
                round(float(np.mean(sure)), 4) if sure else 0.0,
                _runs({number: is_lost(*values, lost_below) for number, values in seen.items()}),
            )
        )
    return tracks


def is_lost(area: int, confidence: float, lost_below: float) -> bool:
    """Whether an object that is tracked has no pixel in a frame, or less confidence than it takes."""
    return area == 0 or confidence < lost_below


def objects_csv(log: Mapping[int, Seen], source: FrameSource, lost_below: float) -> str:
    """A row for every object in every frame."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator='\n')
    rows.writerow(('frame', 'name', 'object', 'area', 'confidence', 'lost'))
    for number in sorted(log):
        for index, (area, sure) in sorted(log[number].items()):
            rows.writerow(
                (number, csv_cell(source.name(number)), index, area, sure, int(is_lost(area, sure, lost_below)))
            )
    return text.getvalue()


def _runs(flags: Mapping[int, bool]) -> list[list[int]]:
    runs: list[list[int]] = []
    before = False
    for number, flag in flags.items():
        if flag and before:
            runs[-1][1] = number
        elif flag:
            runs.append([number, number])
        before = flag
    return runs


def checked_threshold(lost_below: float) -> float:
    """The threshold.

    Raises:
        DataError: It is no probability.
    """
    if not 0 <= lost_below <= 1:
        raise DataError(f'lost_below={lost_below}; expected a probability, 0 to 1.')
    return float(lost_below)
