"""Real videos run through: DAVIS clips with one and with two objects, and a portrait with sparse annotations."""

import cv2
import numpy as np
import pytest

from salseg.cli.main import main
from salseg.io.annotations import read_annotation
from salseg.engine.test import test as run_test
from tests.needs import REAL, ROOT, needs_project

needs_project('xmem')

CONFIG = ROOT / 'projects/xmem/configs/xmem_lite0_masks_davis17-240.py'
OPTIONS = ['model.key_backbone.weights=None', 'model.value_backbone.weights=None', 'model.shorter_side=48']
VIDEOS = {
    'davis': ('JPEGImages/480p/dog', 'Annotations/480p/dog/00000.png'),
    'davis_multi': ('JPEGImages/480p/mosaic-camel-blackswan', 'Annotations/480p/mosaic-camel-blackswan/00000.png'),
    'pumavos': ('JPEGImages/caps', 'Annotations/caps/frame_000000.png'),
}
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason=f'the real images are not at {REAL} (SALSEG_REAL_DATA)')


@pytest.mark.parametrize('name', VIDEOS)
def test_a_real_video_runs_through_once_random_weights_are_allowed(name, tmp_path, capsys):
    frames, mask = (REAL / name / part for part in VIDEOS[name])
    words = [
        'track',
        str(CONFIG),
        str(frames),
        '--mask',
        str(mask),
        '--out',
        str(tmp_path / 'out'),
        '--max-frames',
        '7',
    ]
    options = ['--device', 'cpu', '--cfg-options', *OPTIONS]
    assert main([*words, *options]) != 0
    assert '--random-weights' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
    assert main([*words, '--random-weights', *options]) == 0
    written = sorted((tmp_path / 'out/masks').glob('*.png'))
    assert [path.stem for path in written] == [path.stem for path in sorted(frames.iterdir())[:7]]
    first = read_annotation(mask, 'index')
    assert first.shape == cv2.imread(str(next(iter(frames.iterdir())))).shape[:2]
    labels = [read_annotation(path, 'index') for path in written]
    assert all(found.shape == first.shape and set(np.unique(found)) <= set(np.unique(first)) for found in labels)
    assert (tmp_path / 'out/overlay.mp4').stat().st_size > 0


def test_a_test_set_with_sparse_annotations_runs_through(tmp_path):
    import torch

    from salseg.apis import init_model

    torch.save(dict(state_dict=init_model(str(CONFIG), device='cpu', options=OPTIONS).state_dict()), tmp_path / 'w.pth')
    data = [
        f'test_dataloader.dataset.data_root={REAL / "pumavos"}', 'test_dataloader.dataset.layout=folders',
        'test_dataloader.dataset.list_file=None', 'test_dataloader.num_workers=0',
        'test_dataloader.persistent_workers=False', 'test_evaluator=[]', 'model.shorter_side=32',
    ]  # fmt: skip
    run_test(str(CONFIG), str(tmp_path / 'w.pth'), [*OPTIONS[:2], *data], str(tmp_path / 'test'))
    written = sorted(tmp_path.rglob('labels/caps/*.png'))
    assert len(written) == len(list((REAL / 'pumavos/JPEGImages/caps').iterdir()))
