"""Small folders of predictions and ground truths."""

from pathlib import Path

import numpy as np
from PIL import Image

from salseg.visualization.overlay import PALETTE


def save_grey(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(np.uint8)).save(path)


def save_labels(path: Path, labels: np.ndarray) -> None:
    """A palette PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(labels.astype(np.uint8), mode='P')
    colours = [0, 0, 0, *PALETTE.ravel().tolist()]
    image.putpalette(colours + [0] * (768 - len(colours)))
    image.save(path)


def blob(seed: int, height: int = 20, width: int = 26) -> np.ndarray:
    """A mask of 0 and 255 with an ellipse."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    row, column = generator.uniform(0.3, 0.7, 2) * (height, width)
    return np.uint8(((y - row) / (height / 4)) ** 2 + ((x - column) / (width / 4)) ** 2 < 1) * 255


def noisy(mask: np.ndarray, seed: int) -> np.ndarray:
    """A map that resembles a mask."""
    noise = np.random.default_rng(1000 + seed).normal(0, 60, mask.shape)
    return np.clip(0.6 * mask + 40 + noise, 0, 255).astype(np.uint8)


def map_tree(root: Path, stems: list[str]) -> tuple[Path, Path]:
    """Folders `pred` and `gt` of maps."""
    for seed, stem in enumerate(stems):
        mask = blob(seed)
        save_grey(root / f'gt/{stem}.png', mask)
        save_grey(root / f'pred/{stem}.png', noisy(mask, seed))
    return root / 'pred', root / 'gt'


def moving_labels(frames: int, seed: int = 0, height: int = 24, width: int = 32) -> list[np.ndarray]:
    """A video of two squares that drift."""
    generator = np.random.default_rng(seed)
    top, left = generator.integers(1, 4, 2)
    video = []
    for t in range(frames):
        labels = np.zeros((height, width), np.uint8)
        labels[top + t : top + t + 7, left : left + 7] = 1
        labels[12:20, 14 + t : 22 + t] = 2
        video.append(labels)
    return video


def label_tree(root: Path, videos: dict[str, int]) -> tuple[Path, Path]:
    """Folders `pred` and `gt` of labels; predictions lag by a frame."""
    for seed, (name, frames) in enumerate(videos.items()):
        truth = moving_labels(frames, seed)
        for t in range(frames):
            save_labels(root / f'gt/{name}/{t:05d}.png', truth[t])
            save_labels(root / f'pred/{name}/{t:05d}.png', truth[max(t - 1, 0)])
    return root / 'pred', root / 'gt'
