"""What the learning benchmarks on clips share: short trainings of the lite configs, maps of synthetic videos, metrics."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from salseg.apis import init_model
from salseg.apis.clips import ClipPredictor
from salseg.datasets.synthetic import SyntheticVideo
from salseg.engine.train import train
from salseg.evaluation.functional import image_level, saliency_scores

PROJECTS = Path(__file__).resolve().parents[2] / 'projects'
IMAGE_MODEL = PROJECTS / 'rcrnet/configs/rcrnet_lite0_synthetic-160.py'
GENERATOR = PROJECTS / 'rcrnet/configs/fgplg_lite0_synthetic-160.py'
VIDEO_MODEL = PROJECTS / 'rcrnet/configs/rcrnet-ner_lite0_synthetic-160.py'
CONTRASTIVE = PROJECTS / 'contrastive_vsod/configs/contrastive-vsod_lite0_synthetic-160.py'


def fit(config: Path, folder: Path, iterations: int, seed: int, options: Mapping[str, Any]) -> Path:
    """Train and give the last checkpoint; a folder that already holds it is taken as it is."""
    checkpoint = folder / f'iter_{iterations}.pth'
    if not checkpoint.is_file():
        short = {
            'randomness.seed': seed,
            'train_cfg.max_iters': iterations,
            'default_hooks.checkpoint.interval': iterations,
            'default_hooks.logger.interval': 50,
            'train_dataloader.num_workers': 0,
        }
        train(str(config), texts({**short, **options}), str(folder))
    return checkpoint


def texts(options: Mapping[str, Any]) -> list[str]:
    """Options as on the command line."""
    return [f'{key}={value}' for key, value in options.items()]


def image_model(folder: Path, iterations: int, size: int) -> Path:
    """Stage 1: the static network on 400 synthetic images with full masks; one for all seeds."""
    options = {
        'train_dataloader.dataset.size': size,
        'train_dataloader.dataset.length': 400,
        'train_dataloader.dataset.pipeline.2.size': size,
    }
    return fit(IMAGE_MODEL, folder, iterations, 0, options)


def predictor(config: Path, checkpoint: Path, size: int, length: int | None = None) -> ClipPredictor:
    """The trained model on clips of ``length`` frames."""
    options = texts({'test_dataloader.dataset.pipeline.2.size': size})
    return ClipPredictor(init_model(str(config), str(checkpoint), options=options), length)


def video_maps(predict: ClipPredictor, video: SyntheticVideo | Sequence[np.ndarray]) -> list[np.ndarray]:
    """Maps (H, W) uint8 of all frames."""
    images = (frame.image for frame in video) if isinstance(video, SyntheticVideo) else iter(video)
    return [frame.saliency for frame in predict((f'{t:05d}', image) for t, image in enumerate(images))]


def iou(grey: np.ndarray, truth: np.ndarray) -> float:
    """Overlap of a map (H, W) uint8 cut at one half with a mask; 1 where both are empty."""
    found = grey >= 128
    union = np.count_nonzero(found | truth)
    return np.count_nonzero(found & truth) / union if union else 1.0


def metrics(maps: Sequence[np.ndarray], truths: Sequence[np.ndarray]) -> dict[str, float]:
    """IoU at one half and MAE averaged over frames, max-F."""
    scores = [saliency_scores(m, t, metrics=('f',)) for m, t in zip(maps, truths)]
    mae = [np.abs(m / 255 - t).mean() for m, t in zip(maps, truths)]
    mean_iou = float(np.mean([iou(m, t) for m, t in zip(maps, truths)]))
    return dict(iou=mean_iou, mae=float(np.mean(mae)), max_f=float(image_level(scores)['max_f']))


def verdicts(claims: Sequence[tuple[str, bool, str]]) -> int:
    """Say of each (text, holds, what was asked) whether it holds; status 1 if one does not."""
    for text, holds, asked in claims:
        print(f'{"holds" if holds else "DOES NOT HOLD"}: {text} (asked {asked})')
    return 0 if all(holds for _, holds, _ in claims) else 1
