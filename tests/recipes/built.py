"""Parts of a published config, built: what a recipe does, and not what its text says."""

from functools import cache
from pathlib import Path

import numpy as np

from salseg.engine.config import load_config
from salseg.registry import TRANSFORMS

ROOT = Path(__file__).resolve().parents[2]


@cache
def config(path):
    """A config by its path without suffix, below the repository."""
    return load_config(str(ROOT / f'{path}.py'))


def pipelines(node):
    """Pipelines of a data set and of its parts."""
    found = [node['pipeline']] if node.get('pipeline') else []
    return found + [pipeline for part in node.get('datasets', ()) for pipeline in pipelines(part)]


def train_pipelines(path):
    """Of all parts of the training set."""
    return pipelines(config(path).train_dataloader.dataset)


def step(path, kind):
    """The built transforms of a kind, one of each pipeline that has it."""
    found = [s for pipeline in train_pipelines(path) for s in pipeline if s['type'] == kind]
    assert found, f'{path} has no {kind}'
    return [TRANSFORMS.build(dict(s)) for s in found]


def geometry(crop, size, draws, seed=0):
    """Horizontal over vertical scale, and share of the frame, of many crops of a frame of (height, width)."""
    rng = np.random.default_rng(seed)
    ratios, shares = [], []
    for _ in range(draws):
        left, top, right, bottom = crop.window(crop.draw(rng), size)
        ratios.append(crop.width / (right - left) / (crop.height / (bottom - top)))
        shares.append((right - left) * (bottom - top) / (size[0] * size[1]))
    return np.array(ratios), np.array(shares)
