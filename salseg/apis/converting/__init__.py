"""Data sets from the layouts of their releases into those that salseg's loaders read. Sources are never touched."""

from salseg.apis.converting.boxes import mask_boxes, write_boxes
from salseg.apis.converting.coco import coco_groups
from salseg.apis.converting.duts import convert_duts
from salseg.apis.converting.fbms import convert_fbms
from salseg.apis.converting.files import Summary
from salseg.apis.converting.groups import convert_groups
from salseg.apis.converting.painted import scribbles_from_paint
from salseg.apis.converting.scribbles import draw_from_masks, merge_scribbles
from salseg.apis.converting.videos import convert_videos
from salseg.apis.converting.youtube_vos import shrink_youtube_vos

__all__ = [
    'Summary',
    'coco_groups',
    'convert_duts',
    'convert_fbms',
    'convert_groups',
    'convert_videos',
    'draw_from_masks',
    'mask_boxes',
    'merge_scribbles',
    'shrink_youtube_vos',
    'scribbles_from_paint',
    'write_boxes',
]
