"""Pictures of data and results."""

from salseg.visualization.curves import draw_precision_recall
from salseg.visualization.overlay import cutout, overlay_map, scribble_overlay, sheet
from salseg.visualization.writing import write_png

__all__ = ['cutout', 'draw_precision_recall', 'overlay_map', 'scribble_overlay', 'sheet', 'write_png']
