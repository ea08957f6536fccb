"""Synthetic images, groups and videos, drawn with NumPy only: sample i of a split is a function of its place."""

from salseg.datasets.synthetic.baselines import border_contrast, centre_prior
from salseg.datasets.synthetic.colors import CATEGORIES, HELD_OUT, SEEN, Category
from salseg.datasets.synthetic.draws import VERSION
from salseg.datasets.synthetic.groups import GroupImage, SyntheticGroup, draw_group, draw_group_image
from salseg.datasets.synthetic.images import SyntheticImage, draw_image
from salseg.datasets.synthetic.motion import NOISE
from salseg.datasets.synthetic.scribbles import draw_scribbles
from salseg.datasets.synthetic.videos import SyntheticFrame, SyntheticVideo, boxes_of_labels, draw_video
from salseg.datasets.synthetic.writers import write_dataset

__all__ = [
    'CATEGORIES',
    'HELD_OUT',
    'NOISE',
    'SEEN',
    'VERSION',
    'Category',
    'GroupImage',
    'SyntheticFrame',
    'SyntheticGroup',
    'SyntheticImage',
    'SyntheticVideo',
    'border_contrast',
    'boxes_of_labels',
    'centre_prior',
    'draw_group',
    'draw_group_image',
    'draw_image',
    'draw_scribbles',
    'draw_video',
    'write_dataset',
]
