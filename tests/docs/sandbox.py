"""The folder in which a page is tried: the repository as a newcomer sees it, a few small pictures, a finished run."""

import shutil
from pathlib import Path

import cv2
import numpy as np

from salseg.datasets.synthetic.images import draw_image
from salseg.datasets.synthetic.writers import write_dataset
from tests.docs.pages import ROOT

LINKED = ('benchmarks', 'configs', 'docs', 'tests', 'tools', 'README.md', 'CONTRIBUTING.md', 'Makefile', 'setup.py')
PHOTOS = {
    'photos/boat.jpg': (40, 64),
    'photos/cat.jpg': (56, 48),
    'photos/garden/bench.jpg': (48, 48),
    'photo.jpg': (45, 60),
}


def make_sandbox(folder: Path, run: Path, isolated: bool = False) -> Path:
    """Fill an empty folder.

    - the repository: links, but ``projects/`` is a copy, and of an isolated page ``salseg/`` and ``tests/`` too;
    - ``photos/``: pictures of mixed sizes, one of them in a sub-folder; ``photo.jpg``;
    - ``my_data/``: a folder in salseg's own layout, image/, mask/, scribble/, train.txt, test.txt;
    - ``work_dirs/quickstart/``: a finished run of scwssod-lite.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copied = ('projects', 'salseg', 'configs', 'tools') if isolated else ('projects',)
    for name in copied:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns('__pycache__'))
    for name in LINKED:
        if name not in copied and (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    _draw_photos(folder)
    write_dataset('sod', folder / 'my_data', splits=dict(train=4, test=3), size=48)
    _link_run(run, folder / 'work_dirs' / 'quickstart')
    return folder


def _draw_photos(folder: Path) -> None:
    for index, (name, size) in enumerate(PHOTOS.items()):
        picture = draw_image(1, 'test', index, size).image
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / name), np.ascontiguousarray(picture[..., ::-1]))


def _link_run(run: Path, target: Path) -> None:
    """The run's config is copied; its checkpoint is linked, also under the name that the full run would give it."""
    target.mkdir(parents=True)
    (config,) = run.glob('*.py')
    shutil.copy(config, target)
    for name in ('iter_1.pth', 'iter_500.pth'):
        (target / name).symlink_to(run / 'iter_1.pth')
    (target / 'last_checkpoint').write_text(str(target / 'iter_500.pth'))


def own_pairs() -> list[tuple[np.ndarray, np.ndarray]]:
    """Predictions and ground truths as a reader may have them, (48, 48) uint8."""
    drawn = [draw_image(2, 'test', index, 48) for index in range(2)]
    return [(image.image.mean(2).astype(np.uint8), image.mask.astype(np.uint8) * 255) for image in drawn]
