"""Images of data and results. Images of packed items, which need torch, are in :mod:`salseg.visualization.items`."""

from salseg.visualization.curves import draw_precision_recall
from salseg.visualization.heat import heat, overlay_heat
from salseg.visualization.overlay import cutout, fit, overlay_map, scribble_overlay, sheet
from salseg.visualization.palette import davis_palette, overlay_labels, write_label_png

__all__ = [
    'cutout',
    'davis_palette',
    'draw_precision_recall',
    'fit',
    'heat',
    'overlay_heat',
    'overlay_labels',
    'overlay_map',
    'scribble_overlay',
    'sheet',
    'write_label_png',
]
