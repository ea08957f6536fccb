"""Draw what a network sees: overlays of all views, and sheets of the input beside them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from salseg.apis.explaining import Explanation, Named, SetExplainer, ShownView, TrackExplainer
from salseg.apis.inputs import find_clips, find_groups, find_images, split_videos
from salseg.errors import DataError
from salseg.io.images import read_visible, write_png
from salseg.io.videos import FrameSource
from salseg.propagation import Prompt
from salseg.visualization import fit, overlay_labels, overlay_map, sheet
from salseg.visualization.heat import matrix_image, overlay_heat

# Rows of a sheet, and side of its cells.
ROWS, CELL = 12, 220
# A sheet of a long video shows frames from all of it; between two of them so many are thrown away again.
_KEPT = 4 * ROWS
Progress = Callable[[int], None]


def explain_files(
    explainer: SetExplainer | TrackExplainer,
    inputs: Sequence[str | Path],
    out: str | Path,
    prompts: Mapping[int, Prompt] | None = None,
    max_frames: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> list[Path]:
    """Write what a model sees in images, groups or videos.

    Args:
        explainer: The model and what it shows.
        inputs: Images, folders, globs, groups, videos, as the model takes them.
        out: Folder; ``<out>/<view>/<name>.png`` over each image, ``<out>/prediction/<name>.png``, and
            ``<out>/sheets/<set>.png``. Frames of a group or a video have its name before theirs.
        prompts: Of a tracker: objects by the number of the frame, from 0.
        max_frames: Stop a video, or a folder of single images, after so many.
        overwrite: Write into a folder that holds files already.
        progress: Called with the frames that are done.

    Returns:
        The sheets.

    Raises:
        DataError: Nothing was found, something cannot be read, the folder is not empty or cannot be written, or a tracker
            has no prompt.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not overwrite:
        raise DataError(f'{out} exists and is not empty. Choose another --out, or allow its replacement: --overwrite.')
    done, sheets = 0, []
    for name, prefix, parts in _sets(explainer, [str(text) for text in inputs], prompts, max_frames):
        rows = _Rows()
        for part in parts:
            for number in range(len(part.names)):
                rows.add(part.names[number], _write(part, number, out, prefix))
            done += len(part.names)
            if progress is not None:
                progress(done)
        sheets.append(write_png(out / 'sheets' / f'{name}.png', rows.draw()))
    return sheets


Parts = Iterator[tuple[str, Path, Iterator[Explanation]]]


def _sets(
    explainer: SetExplainer | TrackExplainer,
    inputs: list[str],
    prompts: Mapping[int, Prompt] | None,
    max_frames: int | None,
) -> Parts:
    """Name of each sheet, folder of its results below a view, and its explanations."""
    kind = explainer.model.input_type
    if isinstance(explainer, TrackExplainer):
        if not prompts:
            raise DataError('nothing to track: give at least one prompt, --mask FILE or --box id:x0,y0,x1,y1.')
        ((name, source),) = _one(find_clips(inputs))
        yield name, Path(), explainer.stream(islice(_frames(source), max_frames), prompts, name)
        return
    if kind == 'group':
        for name, paths in find_groups(inputs):
            yield name, Path(name), explainer.stream(((p.stem, read_visible(p)[0]) for p in paths), name)
        return
    images, videos = split_videos(inputs) if kind == 'image' else ([], inputs)
    if images:
        found = islice(find_images(images), max_frames)
        yield 'images', Path(), explainer.stream(((str(n), read_visible(p)[0]) for p, n in found), 'images')
    clips = find_clips(videos) if videos else []
    for name, source in clips:
        place = Path(name) if len(clips) > 1 or images else Path()
        yield name, place, explainer.stream(islice(_frames(source), max_frames), name)


def _one(clips: list[tuple[str, FrameSource]]) -> list[tuple[str, FrameSource]]:
    if len(clips) != 1:
        raise DataError(f'{len(clips)} videos were given ({clips[0][0]}, {clips[1][0]}, ...); prompts belong to one.')
    return clips


def _frames(source: FrameSource) -> Iterable[Named]:
    return ((source.name(number), image) for number, image in enumerate(source.frames()))


def _write(part: Explanation, number: int, out: Path, prefix: Path) -> dict[str, np.ndarray]:
    """Write all views of a frame; the drawings by the titles of their columns."""
    image, found = part.images[number], part.predictions[number]
    overlay = overlay_labels if part.tracked else overlay_map
    drawn = {'input': image, 'prediction': overlay(image, found)}
    written = {'prediction': drawn['prediction']}
    for key, view in part.views.items():
        drawing = draw_view(view, number, image)
        if drawing is not None:
            written[key] = drawn[view.title] = drawing
    for key, drawing in written.items():
        write_png(out / key / prefix / f'{part.names[number]}.png', drawing, durable=False)
    return drawn


def draw_view(view: ShownView, number: int, image: np.ndarray) -> np.ndarray | None:
    """A view of one frame over its image (H, W, 3) uint8 RGB; a matrix alone; None where there is nothing to show."""
    values = view.maps[number]
    if values is None:
        return None
    if view.kind == 'matrix':
        return matrix_image(values, view.limits)
    return overlay_heat(image, values, view.limits, view.kind, view.marks[number])


class _Rows:
    """Rows of a sheet, from all of a set, however long it is."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, dict[str, np.ndarray]]] = []
        self.step, self.seen = 1, 0

    def add(self, name: str, drawn: dict[str, np.ndarray]) -> None:
        """Take a frame's drawings, or leave them."""
        if self.seen % self.step == 0:
            self.kept.append((name, {title: fit(image, CELL) for title, image in drawn.items()}))
        self.seen += 1
        if len(self.kept) > _KEPT:
            self.kept, self.step = self.kept[::2], 2 * self.step

    def draw(self) -> np.ndarray:
        """The sheet, (H, W, 3) uint8 RGB.

        Raises:
            DataError: There was no frame.
        """
        if not self.kept:
            raise DataError('there is no image to explain.')
        places = np.linspace(0, len(self.kept) - 1, min(ROWS, len(self.kept))).round().astype(int)
        rows = [self.kept[place][1] for place in places]
        titles = list(dict.fromkeys(title for row in rows for title in row))
        blanks = [np.full_like(row['input'], 255) for row in rows]
        cells = [[row.get(title, blank) for title in titles] for row, blank in zip(rows, blanks)]
        return sheet(cells, titles, CELL, tight=True)
