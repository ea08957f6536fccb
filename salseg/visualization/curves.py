"""Curves as PNG files."""

import os
from collections.abc import Mapping, Sequence

import numpy as np


def draw_precision_recall(
    curves: Mapping[str, Mapping[str, np.ndarray]], path: str | os.PathLike, title: str = '', dashed: Sequence[str] = ()
) -> None:
    """Precision against recall of several methods.

    Args:
        curves: By method, ``precision_curve`` and ``recall_curve``, (256,) each.
        path: PNG to write.
        title: Above the axes.
        dashed: Methods drawn dashed (baselines).
    """
    # Not pyplot: it would choose a window system and keep figures alive.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 4.4), dpi=130, layout='constrained')
    axes = figure.subplots()
    for name, curve in curves.items():
        precision, recall = np.asarray(curve['precision_curve']), np.asarray(curve['recall_curve'])
        shown = recall > 0
        axes.plot(recall[shown], precision[shown], '--' if name in dashed else '-', label=name, linewidth=1.8)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel='recall', ylabel='precision', title=title)
    axes.grid(alpha=0.3)
    axes.legend(loc='lower left', fontsize=8)
    FigureCanvasAgg(figure).print_png(str(path))
