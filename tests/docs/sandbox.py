"""The folder in which a page is tried: the repository as a newcomer sees it, a few small images, a finished run."""

import shutil
from pathlib import Path

import cv2
import numpy as np

from salseg.datasets.synthetic.images import draw_image
from salseg.datasets.synthetic.videos import draw_video
from salseg.datasets.synthetic.writers import write_dataset
from salseg.engine.config import load_config
from salseg.visualization import write_label_png
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
    - ``photos/``: images of mixed sizes, one of them in a sub-folder; ``photo.jpg``;
    - ``video/``: frames of a video; ``first_mask.png``: ids of its objects in the first frame;
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
    _draw_video(folder)
    write_dataset('sod', folder / 'my_data', splits=dict(train=4, test=3), size=48)
    _link_run(run, folder / 'work_dirs' / 'quickstart')
    return folder


def _draw_photos(folder: Path) -> None:
    for index, (name, size) in enumerate(PHOTOS.items()):
        image = draw_image(1, 'test', index, size).image
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / name), np.ascontiguousarray(image[..., ::-1]))


def _draw_video(folder: Path) -> None:
    (folder / 'video').mkdir()
    for number, frame in enumerate(draw_video(1, 'test', 0, size=(48, 64), length=4)):
        assert cv2.imwrite(str(folder / f'video/{number:05d}.jpg'), np.ascontiguousarray(frame.image[..., ::-1]))
        if number == 0:
            write_label_png(folder / 'first_mask.png', frame.labels.astype(np.uint8))


def _link_run(run: Path, target: Path) -> None:
    """The run's config is copied; its checkpoint is linked, also under the name that the full run would give it."""
    target.mkdir(parents=True)
    shutil.copy(run / 'config.json', target)
    name = f'iter_{load_config("scwssod-lite").train_cfg.max_iters}.pth'
    (target / name).symlink_to(run / 'iter_1.pth')
    (target / 'last_checkpoint').write_text(str(target / name))


def own_pairs() -> list[tuple[np.ndarray, np.ndarray]]:
    """Predictions and ground truths as a reader may have them, (48, 48) uint8."""
    drawn = [draw_image(2, 'test', index, 48) for index in range(2)]
    return [(image.image.mean(2).astype(np.uint8), image.mask.astype(np.uint8) * 255) for image in drawn]
