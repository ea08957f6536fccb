"""What a network is given: the images, labels, boxes, prompts, flow and guidance of one packed item."""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from torch import Tensor

from salseg.visualization.overlay import overlay_map, scribble_overlay
from salseg.visualization.palette import davis_palette, overlay_labels

UNKNOWN = 255
# Labels of which more than this is unknown are drawn as scribbles, otherwise as areas.
_SPARSE = 0.5


def item_images(item: Mapping[str, Any]) -> tuple[list[str], list[list[np.ndarray]]]:
    """Draw an item as a data set's pipeline ends: ``inputs`` (T, 3, H, W) on the 0-255 scale and ``data_samples``.

    Args:
        item: A packed item.

    Returns:
        Titles of the columns and a row of images (H, W, 3) uint8 RGB per frame: the input, then what else there is.
    """
    # Contiguous, as OpenCV draws on nothing else.
    pixels = item['inputs'].permute(0, 2, 3, 1).float().numpy()
    frames = [np.ascontiguousarray(np.rint(p.clip(0, 255)), np.uint8) for p in pixels]
    sample = item['data_samples']
    columns: dict[str, list[np.ndarray]] = {'input': frames}
    labels, soft = sample.get('labels'), sample.get('saliency')
    if labels is not None:
        columns['labels'] = [draw_labels(f, values.numpy()) for f, values in zip(frames, labels)]
    if soft is not None:
        columns['soft labels'] = [overlay_map(f, _grey(values)) for f, values in zip(frames, soft)]
    if sample.get('boxes') is not None:
        columns['boxes'] = [draw_boxes(f, *boxes) for f, *boxes in zip(frames, sample.boxes, sample.box_valid)]
    for name in ('prompt', 'guidance'):
        maps = _maps(sample.get(name))
        if maps is not None:
            # Maps of other frames than those shown, such as a clip's neighbours, stand for themselves.
            backs = frames if len(maps) == len(frames) else [None] * len(maps)
            columns[name] = [_draw_map(back, values) for back, values in zip(backs, maps)]
    flow = sample.get('flow')
    if flow is not None:
        drawn = [draw_flow(values.numpy()) for values in flow.reshape(-1, 2, *flow.shape[-2:])]
        columns['flow'] = (drawn + [np.full_like(f, 255) for f in frames])[: max(len(drawn), len(frames))]
    truth = sample.get('gt_maps') or sample.get('gt_labels')
    if truth is not None:
        columns['truth, own size'] = [_draw_truth(values, f) for values, f in zip(truth, frames)]
    rows = max(len(images) for images in columns.values())
    blank = np.full((8, 8, 3), 255, np.uint8)
    return list(columns), [[c[row] if row < len(c) else blank for c in columns.values()] for row in range(rows)]


def draw_labels(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Labels (H, W) over an image: objects tinted, unknown pixels darkened; few known pixels are drawn as scribbles."""
    unknown = labels == UNKNOWN
    if unknown.mean() > _SPARSE and labels[~unknown].max(initial=0) <= 1:
        return scribble_overlay(image, labels)
    result = overlay_labels(image, np.where(unknown, 0, labels).astype(np.uint8))
    result[unknown] = result[unknown] // 3
    return result


def draw_boxes(image: np.ndarray, boxes: Tensor, valid: Tensor) -> np.ndarray:
    """Boxes (K, 4) x0, y0, x1, y1, corners between pixels, in the colours of their objects."""
    result = image.copy()
    for number, (box, there) in enumerate(zip(boxes.tolist(), valid.tolist()), 1):
        if there:
            x0, y0, x1, y1 = (round(v) for v in box)
            colour = tuple(int(c) for c in davis_palette()[number])
            cv2.rectangle(result, (x0, y0), (x1 - 1, y1 - 1), colour, max(1, min(image.shape[:2]) // 120))
    return result


def draw_flow(flow: np.ndarray) -> np.ndarray:
    """Flow (2, H, W) in pixels: direction as hue, length as saturation up to the longest; (H, W, 3) uint8 RGB."""
    length = np.hypot(flow[0], flow[1])
    hsv = np.full((*length.shape, 3), 255, np.uint8)
    hsv[..., 0] = np.rint(np.degrees(np.arctan2(flow[1], flow[0])) % 360 / 2) % 180
    hsv[..., 1] = np.rint(255 * length / max(float(length.max()), 1e-6))
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def _draw_map(image: np.ndarray | None, values: Tensor) -> np.ndarray:
    if values.is_floating_point():
        return np.repeat(_grey(values)[..., None], 3, axis=2) if image is None else overlay_map(image, _grey(values))
    ids = values.numpy().astype(np.uint8)
    return davis_palette()[ids] if image is None else draw_labels(image, ids)


def _draw_truth(values: np.ndarray | None, image: np.ndarray) -> np.ndarray:
    """Grey truth as it is, ids in colours; a frame without truth is white."""
    if values is None:
        return np.full_like(image, 255)
    values = np.asarray(values)
    return davis_palette()[values] if 0 < values.max(initial=0) < 128 else np.repeat(values[..., None], 3, axis=2)


def _maps(value: Tensor | None) -> Tensor | None:
    """Maps (N, H, W) of an input, or None where a project shapes its own otherwise."""
    if value is None:
        return None
    maps = value[None] if value.ndim == 2 else value[:, 0] if value.ndim == 4 and value.shape[1] == 1 else value
    return maps if maps.ndim == 3 else None


def _grey(values: Tensor) -> np.ndarray:
    return np.rint(values.float().numpy().clip(0, 1) * 255).astype(np.uint8)
