"""The commands that ``benchmarks/reliability/kill_storm.py`` kills: their data, how far they have come, what they leave."""

import hashlib
import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from salseg.apis import init_model
from salseg.datasets.synthetic.images import draw_image
from salseg.datasets.synthetic.videos import draw_video
from salseg.datasets.synthetic.writers import write_dataset
from salseg.engine.checkpoint import load_file, newest_checkpoint
from salseg.errors import SalsegError
from salseg.visualization import write_label_png
from tests.datasets.video_folders import write_video
from tests.tiny import write_tiny_config

Main = Callable[[list[str]], int]
# What says when and how, and not what.
UNCOUNTED = re.compile(r'(run|track|summary|speed)\.json|.*\.(log|jsonl|txt|tmp)|report\.html|state\.pth')


@dataclass(frozen=True)
class Scene:
    """A command to be killed.

    Attributes:
        name: For the table.
        words: Of the command, in the folder of its data; ``{out}`` stands for the folder of its results.
        data: Makes the data in a folder.
        pattern: Of the files that count as progress; of a training its steps, of an evaluation its parts count.
        victim: Whom a signal meets: 'command', a data 'worker', or a 'rank' of two.
    """

    name: str
    words: str
    data: Callable[[Path], None]
    pattern: str
    victim: str = 'command'

    def run(self, main: Main, out: Path) -> int:
        """Start the command, or resume it."""
        words = [word.format(out=out) if '{out}' in word else word for word in self.words.split()]
        if words[0] == 'train' and (out / 'config.json').is_file():
            words.insert(2, '--resume')
        return _two_ranks(main, [*words, '--launcher', 'pytorch']) if self.victim == 'rank' else main(words)

    def progress(self, out: Path) -> int:
        """Outputs, steps or scored parts that are there."""
        if self.pattern == 'steps':
            last = out / 'last_checkpoint'
            found = re.search(r'iter_(\d+)', last.read_text()) if last.is_file() else None
            return int(found[1]) if found else 0
        if self.pattern == 'parts':
            return sum(path.read_bytes().count(b'\n') for path in out.glob('records/*.jsonl'))
        return sum(1 for path in _files(out) if path.match(self.pattern))

    def results(self, out: Path) -> dict[str, str]:
        """Digests of what the command left, by name."""
        if self.pattern == 'steps':
            try:
                return dict(_weights(newest_checkpoint(out)))
            except SalsegError:
                return {}
        files = [path for path in _files(out) if not UNCOUNTED.fullmatch(path.name)]
        return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _files(out: Path) -> list[Path]:
    """Files with their final names; one may vanish while we look."""
    return [
        Path(root, name)
        for root, _, names in os.walk(out)
        for name in names
        if not name.startswith('.') and not Path(root).relative_to(out).as_posix().startswith('.s')
    ]


def _weights(checkpoint: str) -> Iterator[tuple[str, str]]:
    state = load_file(checkpoint)
    yield 'step', str(state['meta']['iter'])
    tensors = dict(state['state_dict'])
    for number, slot in state['optimizer']['state'].items():
        tensors |= {f'momentum {number}': slot['momentum_buffer']}
    for name, value in tensors.items():
        yield name, hashlib.sha256(value.contiguous().numpy().tobytes()).hexdigest()


def _two_ranks(main: Main, words: list[str]) -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    ranks = []
    for rank in range(2):
        child = os.fork()
        if child == 0:
            status = 1
            os.environ |= dict(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2')
            os.environ |= dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
            try:
                status = main(words)
            finally:
                os._exit(status)
        ranks.append(child)
    return max(abs(os.waitstatus_to_exitcode(os.waitpid(rank, 0)[1])) for rank in ranks)


def make_data(scene: Scene, folder: Path) -> None:
    """Make what the command reads."""
    folder.mkdir(parents=True)
    scene.data(folder)


def _tiny(folder: Path) -> None:
    write_tiny_config(folder / 'tiny.py')


def _save_weights(model: str, folder: Path) -> None:
    torch.manual_seed(0)
    network = init_model(model, device='cpu', trained=False, pretrained=False)
    torch.save(dict(state_dict=network.state_dict()), folder / 'weights.pth')


def _images(folder: Path, count: int = 30) -> None:
    (folder / 'images').mkdir()
    for index in range(count):
        drawn = draw_image(1, 'test', index, (120, 160)).image
        cv2.imwrite(str(folder / f'images/{index:03d}.png'), np.ascontiguousarray(drawn[..., ::-1]))


def _groups(folder: Path) -> None:
    write_dataset('cosod', folder / 'set', splits=dict(test=10), size=64, group_size=3, suffix='.png')
    _save_weights('dcfm-lite', folder)


def _frames(folder: Path, count: int = 20) -> None:
    (folder / 'video').mkdir()
    for number, frame in enumerate(draw_video(1, 'test', 0, size=(64, 80), length=count)):
        cv2.imwrite(str(folder / f'video/{number:05d}.png'), np.ascontiguousarray(frame.image[..., ::-1]))
        if number == 0:
            write_label_png(folder / 'first.png', frame.labels.astype(np.uint8))


def _clip(folder: Path) -> None:
    _frames(folder)
    _save_weights('rcrnet-ner-lite', folder)


def _stream(folder: Path) -> None:
    # A state is stored after 50.
    _frames(folder, 60)
    _save_weights('xmem-lite', folder)


def _maps(folder: Path) -> None:
    for name in ('maps', 'gt'):
        (folder / name).mkdir()
    for index in range(480):
        drawn = draw_image(1, 'test', index % 24, 48)
        cv2.imwrite(str(folder / f'gt/{index:03d}.png'), drawn.mask.astype(np.uint8) * 255)
        cv2.imwrite(str(folder / f'maps/{index:03d}.png'), drawn.image[..., index % 3])


def _videos(folder: Path) -> None:
    for name in 'abc':
        write_video(folder / 'set', name, 12)


def _labelled(folder: Path) -> None:
    write_dataset(
        'vsod', folder / 'set', splits=dict(train=3), size=32, length=13, options=dict(leaving=False, max_step=2.0)
    )
    _save_weights('fgplg-lite', folder)


def _guided(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for group in 'abcdef':
        for stem in '12':
            for name in ('image', 'gt'):
                path = folder / 'set' / name / group / f'{stem}.png'
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), rng.integers(0, 255, (40, 50, 3)).astype(np.uint8))
    _save_weights('mask-guided-fcn-lite', folder)


def _coco(folder: Path) -> None:
    _images(folder, 24)
    images, found = [], []
    for index in range(24):
        images.append(dict(id=index, file_name=f'{index:03d}.png', width=160, height=120))
        corners = [20, 10, 120, 10, 120, 100, 20, 100]
        found.append(
            dict(
                id=index,
                image_id=index,
                category_id=1,
                segmentation=[corners],
                area=9000,
                bbox=[20, 10, 100, 90],
                iscrowd=0,
            )
        )
    words = dict(images=images, annotations=found, categories=[dict(id=1, name='box')])
    (folder / 'coco.json').write_text(json.dumps(words))


def _nothing(folder: Path) -> None:
    """The command reads no files."""


_TRAIN = 'train tiny.py --work-dir {out} --cfg-options train_cfg.max_iters=12 default_hooks.checkpoint.interval=1'
_LABELS = 'pseudo_label_datasets.0'
_GUIDED = (
    "test_dataloader.dataset=dict(_delete_=True,type='GroupDataset',data_root='set',pipeline=["
    "dict(type='LoadFrames'),dict(type='Resize',size=64),dict(type='PackFrames')])"
)
SCENES = (
    Scene('train', _TRAIN, _tiny, 'steps'),
    Scene('train-2-workers', f'{_TRAIN} train_dataloader.num_workers=2', _tiny, 'steps'),
    Scene('train-worker', f'{_TRAIN} train_dataloader.num_workers=2', _tiny, 'steps', 'worker'),
    Scene('train-rank', _TRAIN, _tiny, 'steps', 'rank'),
    Scene(
        'predict-images', 'predict salseg-demo images --out {out} --save mask,overlay --device cpu', _images, '*.png'
    ),
    Scene(
        'predict-groups',
        'predict dcfm-lite set/test/image --checkpoint weights.pth --out {out} --device cpu',
        _groups,
        '*.png',
    ),
    Scene(
        'predict-video',
        'predict rcrnet-ner-lite video --checkpoint weights.pth --out {out} --save mask,video --device cpu',
        _clip,
        '*.png',
    ),
    Scene(
        'track',
        'track xmem-lite video --mask first.png --checkpoint weights.pth --out {out} --device cpu',
        _stream,
        '*.png',
    ),
    Scene('evaluate', 'evaluate maps gt --protocol sod --out {out} --processes 2', _maps, 'parts'),
    Scene('flow', 'precompute flow set --out {out} --estimator farneback', _videos, '*.*'),
    Scene(
        'guidance',
        'precompute guidance mask-guided-fcn-lite --split test --checkpoint weights.pth --device cpu --out {out} '
        f'--cfg-options model.backbone.weights=None {_GUIDED}',
        _guided,
        '*.png',
    ),
    Scene(
        'pseudo-labels',
        'precompute pseudo-labels fgplg-lite --checkpoint weights.pth --device cpu --out {out} --cfg-options '
        f'{_LABELS}.data_root=set {_LABELS}.label_interval=4 {_LABELS}.between=3 generate_pipeline.2.size=32',
        _labelled,
        '*.png',
    ),
    Scene('convert', 'convert coco-groups images --annotations coco.json --out {out} --copy', _coco, '*.png'),
    Scene('export', 'export salseg-demo --out {out}/net --format torch --size 64,64', _nothing, '*.*'),
)
