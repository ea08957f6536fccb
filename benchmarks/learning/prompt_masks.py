"""What points and scribbles become before they are tracked: local saliency coherence against GrabCut.

    python benchmarks/learning/prompt_masks.py [DATA] [--images 24]

Synthetic images, and of DATA (a folder with ``sod/ECSSD``, ``davis`` and ``scribble``) real ones. Prompts are drawn from the
masks: one point, the place of the object furthest from its border; two more points on the background; a scribble, the
skeleton of the object's inner part and one on the background; and the scribbles that people drew. Prints the mean IoU of
every way and the seconds for an image. ``propagation.seeds`` holds the one that is used, the first column.

Ways: `seeds`, what `mask_from_seeds` gives; `coherence`, the minimum of the sum over pairs of the pair weight of local saliency
coherence times the squared difference (its loss as an equation), cut at one half; `grabcut`, where all that is not given begins
as background that may change; `near`, where it begins as the nearest seed; `both`, GrabCut from the cut of `coherence`.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from scipy import sparse
from scipy.ndimage import distance_transform_edt
from scipy.sparse.linalg import cg
from skimage.morphology import skeletonize

from salseg.datasets.synthetic.images import draw_image
from salseg.io.annotations import UNKNOWN, read_annotation
from salseg.io.images import read_image
from salseg.propagation import mask_from_seeds

Way = Callable[[np.ndarray, np.ndarray], np.ndarray]
SIDE, RADIUS, SIGMA_POSITION, SIGMA_IMAGE = 80, 5, 6.0, 0.1


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', nargs='?', help='folder with sod/ECSSD, davis and scribble')
    parser.add_argument('--images', type=int, default=24, help='of each set')
    parser.add_argument('--ways', nargs='+', default=list(WAYS), choices=list(WAYS))
    args = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    print(f'{"set":<10} {"prompt":<9} {"images":>6} ' + ' '.join(f'{name:>10}' for name in args.ways))
    spent = dict.fromkeys(args.ways, 0.0)
    calls = 0
    for name, images in sets(args.data, args.images):
        for prompt in PROMPTS if name != 'people' else ('drawn',):
            scores: dict[str, list[float]] = {way: [] for way in args.ways}
            for image, mask, drawn in images:
                seeds = drawn if prompt == 'drawn' else PROMPTS[prompt](mask)
                calls += 1
                for way in args.ways:
                    began = time.process_time()
                    found = WAYS[way](image, seeds)
                    spent[way] += time.process_time() - began
                    scores[way].append(iou(found, mask))
            row = ' '.join(f'{np.mean(scores[way]):10.3f}' for way in args.ways)
            print(f'{name:<10} {prompt:<9} {len(images):>6} {row}', flush=True)
    print(f'{"seconds for an image":<27} ' + ' '.join(f'{spent[way] / max(1, calls):10.3f}' for way in args.ways))
    return 0


Drawn = tuple[np.ndarray, np.ndarray, np.ndarray]


def sets(data: str | None, count: int) -> Iterator[tuple[str, list[Drawn]]]:
    """Images, masks and, of the last set, scribbles."""
    nothing = np.zeros((0, 0), np.uint8)
    synthetic = [draw_image(0, 'prompts', number, size=(160, 208)) for number in range(count)]
    yield 'synthetic', [(sample.image, sample.mask > 0, nothing) for sample in synthetic]
    if data is None:
        return
    root = Path(data)
    for name, images, masks in (
        ('ECSSD', root / 'sod/ECSSD/image', root / 'sod/ECSSD/mask'),
        ('DAVIS', root / 'davis/JPEGImages/480p', root / 'davis/Annotations/480p'),
        ('people', root / 'scribble/image', root / 'scribble/mask'),
    ):
        yield name, list(_real(images, masks, root / 'scribble/scribble' if name == 'people' else None, count))


def _real(images: Path, masks: Path, scribbles: Path | None, count: int) -> Iterator[Drawn]:
    # Of a video the first annotated frame.
    files = sorted(masks.glob('*.png')) or [sorted(folder.glob('*.png'))[0] for folder in sorted(masks.iterdir())]
    for file in files[:count]:
        below = file.relative_to(masks).with_suffix('.jpg')
        drawn = np.zeros((0, 0), np.uint8)
        if scribbles is not None:
            drawn = read_annotation(scribbles / file.name, 'scribble')
        yield read_image(images / below), read_annotation(file, 'union') > 0, drawn


def iou(found: np.ndarray, mask: np.ndarray) -> float:
    """Intersection over union."""
    return float((found & mask).sum() / max(1, (found | mask).sum()))


def point(mask: np.ndarray, background: int = 0) -> np.ndarray:
    """Seeds (H, W): 1 at the object's innermost pixel, 0 at some of the background's, 255 elsewhere."""
    seeds = np.full(mask.shape, UNKNOWN, np.uint8)
    seeds[_innermost(mask)] = 1
    free = ~mask
    for _ in range(background):
        place = _innermost(free)
        seeds[place] = 0
        y, x = np.ogrid[: mask.shape[0], : mask.shape[1]]
        # The next one elsewhere.
        free = free & (np.hypot(y - place[0], x - place[1]) > min(mask.shape) / 2)
    return seeds


def scribble(mask: np.ndarray) -> np.ndarray:
    """Seeds (H, W): skeletons of the inner parts of object and background, three pixels wide."""
    seeds = np.full(mask.shape, UNKNOWN, np.uint8)
    for value, region in ((0, ~mask), (1, mask)):
        depth = distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
        line = skeletonize(depth > 0.5 * depth.max())
        seeds[(cv2.dilate(line.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & region] = value
    return seeds


def _innermost(region: np.ndarray) -> tuple[int, int]:
    depth = distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(row), int(column)


PROMPTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    'point': point,
    'points': lambda mask: point(mask, 2),
    'scribble': scribble,
}


def coherence(image: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """(H, W) bool: the minimum of the quadratic coherence, at a shorter side of at most SIDE."""
    full = with_background(seeds)
    full = np.where(disc(full == 1), 1, np.where(disc(full == 0), 0, UNKNOWN))
    factor = min(1.0, SIDE / min(image.shape[:2]))
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float64) / 255
    given = np.full(small.shape[:2], UNKNOWN, np.uint8)
    for value in (0, 1):
        places = np.argwhere(full == value) * factor
        rows, columns = (np.minimum(places[:, k].astype(int), given.shape[k] - 1) for k in (0, 1))
        given[rows, columns] = value
    index = np.arange(given.size).reshape(given.shape)
    pairs = [
        _pairs(small, index, dy, dx)
        for dy in range(RADIUS + 1)
        for dx in range(-RADIUS, RADIUS + 1)
        if (dy, dx) > (0, 0)
    ]
    first, second, weights = (np.concatenate(part) for part in zip(*pairs))
    graph = sparse.coo_matrix((weights, (first, second)), shape=(given.size, given.size)).tocsr()
    graph = graph + graph.T
    laplacian = sparse.diags(np.asarray(graph.sum(1)).ravel() + 1e-9) - graph
    known = given.ravel() != UNKNOWN
    free = ~known
    values = np.where(known, given.ravel() == 1, 0.0)
    right = -laplacian[free][:, known] @ values[known]
    preconditioner = sparse.diags(1 / laplacian.diagonal()[free])
    values[free], _ = cg(laplacian[free][:, free], right, rtol=1e-4, maxiter=500, M=preconditioner)
    large = cv2.resize(values.reshape(given.shape), image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return large > 0.5


def _pairs(image: np.ndarray, index: np.ndarray, dy: int, dx: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    height, width = index.shape
    left, right = max(0, -dx), min(width, width - dx)
    here = slice(0, height - dy), slice(left, right)
    there = slice(dy, height), slice(left + dx, right + dx)
    colour = ((image[here] - image[there]) ** 2).sum(2)
    distance = dy * dy + dx * dx
    weight = np.exp(-distance / (2 * SIGMA_POSITION**2) - colour / (2 * SIGMA_IMAGE**2))
    return index[here].ravel(), index[there].ravel(), weight.ravel()


def with_background(seeds: np.ndarray) -> np.ndarray:
    """Seeds, with the image's border as background where none is given."""
    if (seeds == 0).any():
        return seeds
    full = seeds.copy()
    border = np.ones(seeds.shape, bool)
    border[1:-1, 1:-1] = False
    full[border & (seeds == UNKNOWN)] = 0
    return full


def grabcut(image: np.ndarray, seeds: np.ndarray, begin: np.ndarray | None = None) -> np.ndarray:
    """(H, W) bool: GrabCut, five rounds; ``begin`` is the object at the start where nothing is given."""
    full = with_background(seeds)
    state = np.full(seeds.shape, cv2.GC_PR_BGD, np.uint8)
    if begin is not None:
        state[begin] = cv2.GC_PR_FGD
    state[disc(full == 0)] = cv2.GC_BGD
    state[disc(full == 1)] = cv2.GC_FGD
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(image, state, (0, 0, 0, 0), *models, 5, cv2.GC_INIT_WITH_MASK)
    return (state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD)


def disc(seeds: np.ndarray) -> np.ndarray:
    """A point alone has no colours to learn from: a hundredth of the shorter side around it is taken too."""
    side = 2 * max(1, round(min(seeds.shape) / 100)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return cv2.dilate(seeds.astype(np.uint8), kernel) > 0


def near(image: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """GrabCut that begins with the nearest seed."""
    full = with_background(seeds)
    to_object, to_background = (distance_transform_edt(full != value) for value in (1, 0))
    return grabcut(image, seeds, to_object < to_background)


def _are_points(seeds: np.ndarray) -> bool:
    return int((seeds != UNKNOWN).sum()) < 10


WAYS: dict[str, Way] = {
    'seeds': lambda image, seeds: mask_from_seeds(image, seeds, 'near' if _are_points(seeds) else 'background') == 1,
    'coherence': coherence,
    'grabcut': grabcut,
    'near': near,
    'both': lambda image, seeds: grabcut(image, seeds, coherence(image, seeds)),
}


if __name__ == '__main__':
    sys.exit(main())
