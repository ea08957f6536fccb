"""Masks of 0 and 255 from grey maps, for tools and protocols that want masks."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch

from salseg.errors import DataError
from salseg.evaluation.folders import Tree, prediction_tree
from salseg.io.annotations import read_map
from salseg.io.images import read_image, write_png
from salseg.ops.dense_crf import dense_crf
from salseg.visualization.report.cases import image_tree

BinariseRule = Literal['threshold', 'adaptive', 'crf']
# Probabilities of 0 and 1 have no finite log-odds.
_LEAST = 0.5 / 255


def binarise(
    saliency: np.ndarray, how: BinariseRule = 'threshold', threshold: float = 0.5, image: np.ndarray | None = None
) -> np.ndarray:
    """The mask of a map, (H, W) uint8 of 0 and 255.

    Args:
        saliency: (H, W) uint8, probability times 255.
        how: 'threshold': object where the probability is at least ``threshold``. 'adaptive': at least twice the map's own
            mean, 1 at most, as adaptive F counts. 'crf': as 'threshold', after a dense CRF with the image.
        threshold: In (0, 1]; not used by 'adaptive'.
        image: (H, W, 3) uint8 RGB, for 'crf'.

    Raises:
        DataError: An unknown rule, a threshold outside its range, or an image that lacks or has another size.
    """
    check_rule(how, threshold)
    values = saliency.astype(np.float64) / 255
    if how == 'adaptive':
        # A map of zeros has no object, though 0 is not below twice 0.
        return np.where((values >= min(2 * values.mean(), 1)) & (values > 0), 255, 0).astype(np.uint8)
    if how == 'crf':
        if image is None or image.shape[:2] != saliency.shape:
            found = 'none' if image is None else 'x'.join(map(str, image.shape[:2]))
            raise DataError(
                f"'crf' needs the image of the map, {saliency.shape[0]}x{saliency.shape[1]}; found {found}."
            )
        logits = torch.logit(torch.from_numpy(values), eps=_LEAST).float()
        values = dense_crf(torch.from_numpy(np.ascontiguousarray(image)), logits, method='bilateral').numpy()
    return np.where(values >= threshold, 255, 0).astype(np.uint8)


def check_rule(how: str, threshold: float) -> None:
    """Refuse what cannot be done.

    Raises:
        DataError: An unknown rule, or a threshold outside (0, 1].
    """
    if how not in get_args(BinariseRule):
        raise DataError(f'--how {how}: expected one of {", ".join(get_args(BinariseRule))}.')
    if not 0 < threshold <= 1:
        raise DataError(f'--threshold {threshold}: expected a number above 0, 1 at most (maps are divided by 255).')


def binarise_files(
    folder: str | Path,
    out: str | Path,
    how: BinariseRule = 'threshold',
    threshold: float = 0.5,
    images: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write a mask for every map of a folder, under the same name.

    Args:
        folder: Maps, sub-folders too; of what `salseg predict` wrote, the maps.
        out: Folder for the masks, ``<out>/<name>.png``; other files in it stay.
        how, threshold: See :func:`binarise`.
        images: For 'crf', the images, paired by their path below the folder.
        progress: Called with maps done and in all.

    Returns:
        Masks written.

    Raises:
        DataError: As :func:`binarise`; nothing was found, an image lacks, or a folder is that of the maps.
    """
    check_rule(how, threshold)
    if Path(out).resolve() == Path(folder).resolve():
        raise DataError(f'--out {out} is the folder of the maps; masks would take their place. Choose another one.')
    tree = prediction_tree(Path(folder))
    beside = _images(tree, images) if how == 'crf' else None
    for number, stem in enumerate(tree.files, 1):
        image = None if beside is None else read_image(beside.path(stem))
        mask = binarise(read_map(tree.path(stem)), how, threshold, image)
        write_png(Path(out) / f'{stem}.png', mask, durable=False)
        if progress is not None:
            progress(number, len(tree.files))
    return len(tree.files)


def _images(tree: Tree, folder: str | Path | None) -> Tree:
    found = image_tree(folder)
    if found is None:
        raise DataError('--how crf compares colours: name the folder of the images with --images DIR.')
    absent = [stem for stem in tree.files if stem not in found.files]
    if absent:
        raise DataError(
            f'{len(absent)} of {len(tree.files)} maps have no image below {folder}: {", ".join(absent[:3])}. Images pair '
            f'with maps by their path; there are for example {", ".join(list(found.files)[:3])}.'
        )
    return found
