"""Curves of methods and values over time as PNG."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from salseg.io.files import replacing

# Okabe and Ito's colours, black first; then dashes tell methods apart.
COLOURS = ('#000000', '#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9')
STYLES = ('-', '--', ':', '-.')

Curves = Mapping[str, Mapping[str, np.ndarray]]


def new_figure(rows: int = 1, width: float = 5.2, height: float = 4.4) -> tuple[Any, Any]:
    """A figure without a window system, and its axes; rows share the x axis."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=130, layout='constrained')
    return figure, figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]


def save_figure(figure: Any, path: Path) -> Path:
    """Write a figure in one step."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, alone=True) as temporary:
        FigureCanvasAgg(figure).print_png(str(temporary))
    return path


def style_of(number: int) -> dict[str, Any]:
    """Colour and dash of the n-th line."""
    dash = STYLES[number // len(COLOURS) % len(STYLES)]
    return dict(color=COLOURS[number % len(COLOURS)], linestyle=dash, linewidth=1.6)


def draw_curves(curves: Curves, folder: Path, title: str = '', ascending: bool = False) -> list[Path]:
    """Precision against recall, F and E against the threshold, ROC: as far as the curves are there.

    Args:
        curves: By method, curves of `saliency_scores` or `cosod_scores`.
        folder: Gets `precision_recall.png`, `f_threshold.png`, `e_threshold.png`, `roc.png`.
        title: Above the axes.
        ascending: Whether the first value belongs to the lowest threshold.

    Returns:
        The files.
    """
    wanted = (
        ('precision_recall', 'recall_curve', 'precision_curve', 'recall', 'precision'),
        ('f_threshold', None, 'f_curve', 'threshold', 'F'),
        ('e_threshold', None, 'e_curve', 'threshold', 'E'),
        ('roc', 'false_positive_rate_curve', 'recall_curve', 'false positive rate', 'true positive rate'),
    )
    written = []
    for name, x, y, x_label, y_label in wanted:
        lines = {m: (_x_values(c, x, y, ascending), np.asarray(c[y])) for m, c in curves.items() if _has(c, x, y)}
        if lines:
            written.append(_draw(lines, folder / f'{name}.png', x_label, y_label, title))
    return written


def _has(curves: Mapping[str, np.ndarray], *names: str | None) -> bool:
    return all(name is None or name in curves for name in names)


def _x_values(curves: Mapping[str, np.ndarray], x: str | None, y: str, ascending: bool) -> np.ndarray:
    if x is not None:
        return np.asarray(curves[x])
    thresholds = np.linspace(0, 255, len(curves[y]))
    return thresholds if ascending else thresholds[::-1]


def _draw(
    lines: Mapping[str, tuple[np.ndarray, np.ndarray]], path: Path, x_label: str, y_label: str, title: str
) -> Path:
    figure, (axes,) = new_figure()
    for number, (name, (x, y)) in enumerate(lines.items()):
        # Nothing is predicted at the highest thresholds: precision is 0 there by convention, which is no point of it.
        shown = x > 0 if y_label == 'precision' else np.ones(len(x), bool)
        axes.plot(x[shown], y[shown], label=name, **style_of(number))
    limits = (0, 255) if x_label == 'threshold' else (0, 1)
    axes.set(xlim=limits, ylim=(0, 1.02), xlabel=x_label, ylabel=y_label, title=title)
    axes.grid(alpha=0.3)
    axes.legend(loc='best', fontsize=8)
    return save_figure(figure, path)


def draw_series(
    methods: Mapping[str, np.ndarray], names: Sequence[str], path: Path, title: str, limit: int = 8
) -> Path:
    """Values of the frames of a video, a panel per metric or object.

    Args:
        methods: By method, (curves, frames); NaN leaves a gap.
        names: Of the curves.
        path: PNG to write.
        title: Above the panels.
        limit: Panels at most; more objects are left out, and the title says so.
    """
    shown = min(len(names), limit)
    figure, panels = new_figure(shown, 7.2, 1.2 + 1.35 * shown)
    for row, axes in enumerate(panels):
        for number, (method, values) in enumerate(methods.items()):
            if row < len(values):
                axes.plot(values[row], label=method, marker='.', markersize=3, **style_of(number))
        axes.set(ylim=(-0.02, 1.02), ylabel=names[row])
        axes.grid(alpha=0.3)
    text = title + (f' ({shown} of {len(names)} curves)' if shown < len(names) else '')
    panels[0].set_title(text, loc='left')
    if len(methods) > 1:
        # Beside the title: within a panel it would lie on the lines.
        panels[0].legend(loc='lower right', bbox_to_anchor=(1, 1), ncols=len(methods), fontsize=7)
    panels[-1].set_xlabel('scored frame')
    panels[-1].xaxis.get_major_locator().set_params(integer=True)
    return save_figure(figure, path)


def draw_region_series(methods: Mapping[str, np.ndarray], names: Sequence[str], path: Path, title: str) -> Path:
    """J of every object over the frames of a video: a line per object, of several methods a panel per object.

    Args:
        methods: By method, J (objects, frames) in [0, 1]; NaN, a frame that does not count, leaves a gap.
        names: Of the objects.
        path: PNG to write.
        title: Above; means over the counted frames stand beside the names.
    """
    if len(methods) > 1:
        return draw_series(methods, names, path, title, limit=len(names))
    (values,) = methods.values()
    figure, (axes,) = new_figure(1, 7.2, 3.2)
    for number, (name, line) in enumerate(zip(names, values)):
        mean = float(np.nanmean(line)) if np.isfinite(line).any() else float('nan')
        axes.plot(line, label=f'{name}: {mean:.3f}', marker='.', markersize=3, **style_of(number))
    axes.set(ylim=(-0.02, 1.02), ylabel='J', xlabel='scored frame', title=title)
    axes.grid(alpha=0.3)
    axes.legend(loc='lower left', fontsize=7, ncols=1 + len(names) // 6)
    axes.xaxis.get_major_locator().set_params(integer=True)
    return save_figure(figure, path)
