"""Saliency maps for pictures without ground truth."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from salseg.apis.inputs import find_images
from salseg.apis.models import init_model
from salseg.datasets.reading import read_image
from salseg.errors import CheckpointError, DataError
from salseg.evaluation.metrics.saliency_metric import to_grey
from salseg.models import BaseSegmentor
from salseg.registry import TRANSFORMS
from salseg.visualization import cutout, overlay_map, write_png

# Steps of a test pipeline that read what a user's pictures do not have.
_NEEDS_LABELS = ('LoadLabels', 'LoadGroundTruth')
SAVES = ('mask', 'overlay', 'cutout')


@dataclass(frozen=True)
class Prediction:
    """One picture and its map.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        saliency: (H, W) uint8, probability times 255, at the picture's own size.
    """

    image: np.ndarray
    saliency: np.ndarray


class SaliencyPredictor:
    """A model with its own preprocessing: pictures in, maps out.

    Args:
        model: From :func:`init_model`.
        random_weights: Allow a model that was never given weights; its maps are noise.

    Raises:
        CheckpointError: The model has no weights and that was not allowed.
    """

    def __init__(self, model: BaseSegmentor, random_weights: bool = False) -> None:
        if model.weights_source is None and not random_weights:
            raise CheckpointError(
                f'this {type(model).__name__} has no trained weights; its maps would be noise.\n  Give a checkpoint '
                '(--checkpoint FILE, or the folder of a run as MODEL), or allow it: --random-weights.'
            )
        self.model = model
        steps = model.cfg.test_dataloader.dataset.pipeline
        self.transforms = [TRANSFORMS.build(dict(step)) for step in steps if step['type'] not in _NEEDS_LABELS]

    def prepare(self, image: np.ndarray, name: str = 'image') -> dict:
        """One packed item of a picture (H, W, 3) uint8 RGB."""
        results = dict(
            dataset='', set_id=name, frame_ids=[name], frame_paths=[name], frames=[image], ordered=False,
            label_paths=[None], label_kind=[None], rng=np.random.default_rng(0),
        )  # fmt: skip
        for transform in self.transforms:
            results = transform(results)
        return results

    def __call__(self, images: Sequence[np.ndarray]) -> list[Prediction]:
        """Maps of some pictures, run as one batch.

        Args:
            images: (H, W, 3) uint8 RGB each; sizes may differ.

        Raises:
            DataError: A picture has another shape or type.
        """
        for image in images:
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
                raise DataError(
                    f'a picture is {image.dtype} {image.shape}; expected uint8 (height, width, 3) in RGB order.'
                )
        items = [self.prepare(image) for image in images]
        data = dict(inputs=[item['inputs'] for item in items], data_samples=[item['data_samples'] for item in items])
        with torch.inference_mode():
            samples = self.model.test_step(data)
        return [Prediction(image, to_grey(sample.pred_maps[0])) for image, sample in zip(images, samples)]


def predict_files(
    predictor: SaliencyPredictor,
    inputs: Iterable[str],
    out: str | Path,
    save: Sequence[str] = ('mask',),
    batch_size: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Path], dict[Path, str]]:
    """Write results of all pictures of some files, folders or patterns.

    Args:
        predictor: The model.
        inputs: What the user named.
        out: Folder; results go to ``<out>/<kind>/<name>.png``, or ``<out>/<name>.png`` when only masks are asked for.
        save: Kinds out of 'mask', 'overlay', 'cutout'.
        batch_size: Pictures per forward pass.
        progress: Called with pictures done and in all.

    Returns:
        Files written, and the pictures that could not be read with the reason; the others are not held up by them.

    Raises:
        DataError: Nothing was found, an unknown kind, or the folder cannot be written.
    """
    unknown = [kind for kind in save if kind not in SAVES]
    if unknown or not save:
        raise DataError(f'--save {",".join(save)}: expected some of {", ".join(SAVES)}.')
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise DataError(f'{out} is a file; expected a folder for the results. Choose another --out.')
    images = find_images(inputs)
    written: list[Path] = []
    failed: dict[Path, str] = {}
    done = 0
    for batch in _batches(images, batch_size):
        readable = []
        for path, name in batch:
            try:
                readable.append((name, read_image(path)))
            except DataError as error:
                failed[path] = str(error)
        for (name, _), prediction in zip(readable, predictor([image for _, image in readable]) if readable else []):
            written += _write(prediction, out, name, save)
        done += len(batch)
        if progress is not None:
            progress(done, len(images))
    return written, failed


def _write(prediction: Prediction, out: Path, name: Path, save: Sequence[str]) -> list[Path]:
    make = {
        'mask': lambda: prediction.saliency,
        'overlay': lambda: overlay_map(prediction.image, prediction.saliency),
        'cutout': lambda: cutout(prediction.image, prediction.saliency),
    }
    folder = (lambda kind: out) if tuple(save) == ('mask',) else (lambda kind: out / kind)
    return [write_png(folder(kind) / name.parent / f'{name.name}.png', make[kind]()) for kind in save]


def _batches(items: Sequence, size: int) -> Iterator[Sequence]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def predict(
    model: str,
    images: str | Path | np.ndarray | Sequence[str | Path | np.ndarray],
    checkpoint: str | None = None,
    device: str | None = None,
    random_weights: bool = False,
) -> list[np.ndarray]:
    """Maps of pictures in one call; build a :class:`SaliencyPredictor` to call it often.

    Args:
        model: Name, config or run's folder.
        images: Files or (H, W, 3) uint8 RGB arrays, one or several.
        checkpoint: Weights.
        device: Where to run.
        random_weights: See :class:`SaliencyPredictor`.

    Returns:
        (H, W) uint8 maps at the pictures' own sizes.
    """
    single = isinstance(images, str | Path | np.ndarray)
    pictures = [x if isinstance(x, np.ndarray) else read_image(x) for x in ([images] if single else images)]
    predictor = SaliencyPredictor(init_model(model, checkpoint, device), random_weights)
    return [predictor([picture])[0].saliency for picture in pictures]
