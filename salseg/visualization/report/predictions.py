"""One HTML page with images and what was found in them."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path

import cv2
import numpy as np

from salseg.io.files import replacing
from salseg.visualization.overlay import overlay_map
from salseg.visualization.report.cases import row_of
from salseg.visualization.report.page import HTML_END, html_head

PAGE_IMAGES = 200
_WIDTH = 220


@dataclass(frozen=True)
class Entry:
    """An image on the page.

    Attributes:
        name: Below it.
        image: (H, W, 3) uint8 RGB.
        saliency: (H, W) uint8.
    """

    name: str
    image: np.ndarray
    saliency: np.ndarray


def write_prediction_page(entries: Iterable[Entry], count: int, path: Path, title: str = 'Saliency maps') -> Path:
    """Write the page as the entries come: image, map and overlay of each, small, inside the one file.

    Args:
        entries: What is shown.
        count: Images there are; the page says so where it shows fewer.
        path: The page.
        title: Of the page.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, alone=True) as temporary, temporary.open('w', encoding='utf-8') as file:
        file.write(html_head(title) + f'<h1>{escape(title)}</h1>\n<div class="cases">\n')
        shown = 0
        for entry in entries:
            file.write(_figure(entry) + '\n')
            shown += 1
        words = f'{shown} images' if shown == count else f'{shown} of {count} images'
        file.write(f'</div>\n<p>{words}; the share is that of the pixels at half of full scale or more.</p>{HTML_END}')
    return path


def _figure(entry: Entry) -> str:
    parts = [
        ('image', entry.image),
        ('map', entry.saliency),
        ('overlay', overlay_map(entry.image, entry.saliency)),
    ]
    strip = np.ascontiguousarray(row_of(parts, width=_WIDTH)[..., ::-1])
    data = base64.b64encode(cv2.imencode('.jpg', strip, (cv2.IMWRITE_JPEG_QUALITY, 80))[1].tobytes()).decode()
    text = f'{escape(entry.name)}: {(entry.saliency >= 128).mean():.0%}'
    image = f'<img alt="{escape(entry.name)}" src="data:image/jpeg;base64,{data}">'
    return f'<figure>{image}<figcaption>{text}</figcaption></figure>'
