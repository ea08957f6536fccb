"""The command line, Python and the test loop follow with one object: their labels are the same."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from salseg.apis import Prompt, Propagator, init_model
from salseg.cli.main import main
from salseg.io.annotations import read_annotation
from salseg.datasets.synthetic.videos import boxes_of_labels, draw_video
from salseg.io.videos import FrameSource
from salseg.engine.test import test as run_test
from salseg.propagation import propagate
from salseg.visualization import write_label_png
from tests.needs import needs_project

needs_project('npmca_net')
needs_project('xmem')

ROOT = Path(__file__).resolve().parents[2] / 'projects'
SMALL = {
    'xmem': (
        ROOT / 'xmem/configs/xmem_lite0_{}_davis17-240.py',
        ['model.key_backbone.weights=None', 'model.value_backbone.weights=None', 'model.shorter_side=48'],
    ),
    'npmca-net': (ROOT / 'npmca_net/configs/npmca-net_lite0_paper_davis17.py', ['model.backbone.weights=None']),
}
FRAMES, SIZE = 6, (64, 80)


@pytest.fixture(scope='module')
def tree(tmp_path_factory):
    """DAVIS as it is converted, with two videos of two objects each."""
    root = tmp_path_factory.mktemp('davis')
    for number, name in enumerate(('first', 'second')):
        video = draw_video(0, 'stream', number, length=FRAMES, size=SIZE, leaving=False)
        for t, frame in enumerate(video):
            path = root / f'JPEGImages/{name}/{t:05d}.jpg'
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), frame.image[..., ::-1])
            write_label_png(root / f'Annotations/{name}/{t:05d}.png', frame.labels)
    (root / 'ImageSets').mkdir()
    (root / 'ImageSets/val.txt').write_text('first\nsecond\n')
    return root


def weights(config, options, folder):
    torch.manual_seed(3)
    model = init_model(str(config), device='cpu', options=options)
    torch.save(dict(state_dict=model.state_dict()), folder / 'random.pth')
    return folder / 'random.pth'


def by_test(config, checkpoint, options, tree, folder):
    extra = [f'test_dataloader.dataset.data_root={tree}', 'test_dataloader.num_workers=0']
    run_test(str(config), str(checkpoint), [*options, *extra, 'test_dataloader.persistent_workers=False'], str(folder))
    found = {path.parent.name: path.parent for path in sorted(folder.rglob('labels/*/00000.png'))}
    return {name: labels_of(path) for name, path in found.items()}


def labels_of(folder):
    return np.stack([read_annotation(path, 'index') for path in sorted(Path(folder).glob('*.png'))])


@pytest.mark.parametrize('name', SMALL)
@pytest.mark.parametrize('kind', ['masks', 'boxes'])
def test_track_stream_and_test_loop_give_the_same_labels(name, kind, tree, tmp_path):
    config, options = Path(str(SMALL[name][0]).format(kind)), list(SMALL[name][1])
    if name == 'npmca-net' and kind == 'boxes':
        options.append('test_dataloader.dataset.prompt=box')
    checkpoint = weights(config, options, tmp_path)
    tested = by_test(config, checkpoint, options, tree, tmp_path / 'test')
    assert sorted(tested) == ['first', 'second']
    for video in tested:
        frames, first = tree / f'JPEGImages/{video}', tree / f'Annotations/{video}/00000.png'
        boxes, _ = boxes_of_labels(read_annotation(first, 'index'), 2)
        prompt = Prompt.from_labels(read_annotation(first, 'index'))
        given = ['--mask', str(first)]
        if kind == 'boxes':
            prompt = prompt.boxed()
            given = [
                word for i, b in enumerate(boxes, 1) for word in ('--box', f'{i}:' + ','.join(f'{v:g}' for v in b))
            ]
        out = tmp_path / video
        words = ['track', str(config), str(frames), '--checkpoint', str(checkpoint), *given, '--out', str(out)]
        assert main([*words, '--device', 'cpu', '--cfg-options', *options]) == 0
        model = init_model(str(config), str(checkpoint), 'cpu', options)
        streamed = [r.labels for r in propagate(Propagator(model), FrameSource(frames).frames(), {0: prompt})]
        np.testing.assert_array_equal(labels_of(out / 'masks'), streamed)
        np.testing.assert_array_equal(tested[video], streamed)
