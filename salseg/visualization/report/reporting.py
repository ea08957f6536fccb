"""Score folders and write everything about it."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from salseg.errors import DataError
from salseg.evaluation.evaluate import Evaluation, Settings, Sink, evaluate_folders
from salseg.evaluation.folders import Tree
from salseg.evaluation.output import Case, TimeSeries, WorstCases, row_file, write_texts
from salseg.evaluation.protocols import PROTOCOLS, MapProtocol, Protocol, get_protocol
from salseg.evaluation.tasks import Known
from salseg.io.images import write_png
from salseg.visualization.report.cases import case_strip, file_name, image_tree
from salseg.visualization.report.page import Contents, write_page
from salseg.visualization.report.plots import draw_curves, draw_region_series, draw_series

# Plots over time on the page and on disk; a set of hundreds of videos is better read from the CSV.
PLOTTED_VIDEOS = 60


def evaluate_and_report(
    predictions: Mapping[str, str | Path],
    truth: str | Path | Tree,
    protocol: str | Protocol,
    out: str | Path,
    settings: Settings | None = None,
    images: str | Path | Tree | None = None,
    worst: int = 12,
    progress: Callable[[int, int], None] | None = None,
    plots: str | Path | None = None,
    known: Known | None = None,
) -> Evaluation | None:
    """Score methods and write tables, CSV, LaTeX, JSON, curves, plots and the page.

    Args:
        predictions, truth, protocol, progress, known: See `evaluate_folders`.
        out: Folder; records to resume from lie in its `records/`, unless scores are known.
        settings: See `Settings`.
        images: Folder of images behind the overlays, or its files by name.
        worst: Worst cases of each method.
        plots: Folder for J over time, see `plot_videos`.

    Returns:
        The metrics; None for a shard that is not merged.

    Raises:
        DataError: As `evaluate_folders`, or the folder cannot be made.
    """
    out, protocol = Path(out), get_protocol(protocol) if isinstance(protocol, str) else protocol
    if plots is not None:
        check_plots(protocol)
    settings = settings or Settings()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f'the folder {out} cannot be made: {error}. Choose another --out.') from error
    if settings.records is None and known is None:
        settings = replace(settings, records=out / 'records')
    image_files = images if isinstance(images, Tree) else image_tree(images)
    cases, series = WorstCases(protocol, worst), TimeSeries(protocol)
    sinks: list[Sink] = [cases, *([series] if protocol.unit == 'video' else [])]
    rows = out / ('images.csv' if isinstance(protocol, MapProtocol) else 'objects.csv')
    with contextlib.ExitStack() as stack:
        if settings.merge:
            sinks.append(stack.enter_context(row_file(protocol, rows)))
        evaluation = evaluate_folders(predictions, truth, protocol, settings, sinks, progress, known)
    if evaluation is not None and plots is not None:
        plot_videos(series, plots)
    if evaluation is not None:
        write_report(evaluation, cases, series, out, rows, image_files)
    return evaluation


def evaluate_and_plot(
    predictions: Mapping[str, str | Path],
    truth: str | Path,
    protocol: Protocol,
    plots: str | Path,
    settings: Settings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation | None:
    """Score methods and draw J over time, without the other files.

    Args:
        predictions, truth, protocol, settings, progress: See `evaluate_folders`.
        plots: Folder for the plots, see `plot_videos`.

    Returns:
        The metrics; None for a shard that is not merged.

    Raises:
        DataError: As `evaluate_folders`, or the protocol has no J.
    """
    check_plots(protocol)
    series = TimeSeries(protocol)
    evaluation = evaluate_folders(predictions, truth, protocol, settings, [series], progress)
    if evaluation is not None:
        plot_videos(series, plots)
    return evaluation


def check_plots(protocol: Protocol) -> None:
    """Refuse plots of J over time where there is none.

    Raises:
        DataError: The protocol is one of maps.
    """
    if isinstance(protocol, MapProtocol):
        masks = ', '.join(name for name, known in PROTOCOLS.items() if known.kind == 'masks')
        raise DataError(
            f'J over time needs masks, and {protocol.name} scores maps. Choose one of {masks}, or --out DIR, whose page '
            'shows metrics of maps over time.'
        )


def plot_videos(series: TimeSeries, folder: str | Path) -> list[Path]:
    """J over time of every video, a line per object: ``<folder>/<video>.png``."""
    written = []
    for video, methods in series.videos().items():
        names = [name for name in series.curves[video] if name.startswith('J of ')]
        region = {method: values[: len(names)] for method, values in methods.items()}
        path = Path(folder) / f'{video or "video"}.png'
        written.append(draw_region_series(region, names, path, video or 'video'))
    return written


def write_report(
    evaluation: Evaluation,
    cases: WorstCases,
    series: TimeSeries,
    out: Path,
    rows: Path,
    images: Tree | None = None,
) -> Path:
    """Write all but the CSV of rows; gives the page.

    Args:
        evaluation: The metrics.
        cases, series: What stands on the page in images.
        out: Folder.
        rows: The CSV of rows, to be linked.
        images: Images behind the overlays.
    """
    protocol = evaluation.protocol
    files = [*write_texts(evaluation, out), rows]
    methods = [result.method.name for result in evaluation.results]
    strips = {name: _strips(cases, name, protocol, out, images) for name in methods}
    curves = {
        result.method.name: {name: np.asarray(value) for name, value in result.metrics.items() if np.ndim(value)}
        for result in evaluation.results
    }
    title = f'protocol {protocol.name}'
    drawn = []
    if isinstance(protocol, MapProtocol):
        drawn = draw_curves(curves, out / 'curves', title, protocol.ascending)
    contents = Contents(strips, drawn, _videos(series, out), files)
    return write_page(evaluation, contents, out / 'index.html')


def _strips(
    cases: WorstCases, method: str, protocol: Protocol, out: Path, images: Tree | None
) -> list[tuple[Case, Path]]:
    found = []
    for number, case in enumerate(cases.of(method), 1):
        path = write_png(out / 'worst' / file_name(case, number), case_strip(case, protocol, images))
        found.append((case, path))
    return found


def _videos(series: TimeSeries, out: Path) -> dict[str, Path]:
    drawn = {}
    for number, (video, methods) in enumerate(series.videos().items()):
        if number == PLOTTED_VIDEOS:
            break
        name = video.replace('/', '_') or 'video'
        drawn[video or 'video'] = draw_series(methods, series.curves[video], out / 'videos' / f'{name}.png', video)
    return drawn
