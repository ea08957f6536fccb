"""Train SCWSSOD-lite on synthetic scribbles, test it beside two rules that need no learning, draw what came out.

Everything is a command that you can give yourself; they are printed as they run.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from salseg.apis import SaliencyPredictor, init_model
from salseg.datasets.synthetic.baselines import border_contrast, centre_prior
from salseg.engine.config import load_config
from salseg.evaluation.functional import image_level, saliency_scores
from salseg.evaluation.metrics.saliency_metric import table, to_grey
from salseg.io.images import write_png
from salseg.registry import DATASETS
from salseg.visualization import draw_precision_recall, overlay_map, scribble_overlay, sheet

MODEL = 'scwssod-lite'
# Less than half of the config's: enough to see that it learns, on two idle cores in less than four minutes.
ITERATIONS = 245


def main() -> int:
    """Run it all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', default='work_dirs/quickstart', help='folder of the run and its images')
    parser.add_argument('--iterations', type=int, default=ITERATIONS, help=f'training steps ({ITERATIONS})')
    args = parser.parse_args()
    out = Path(args.out)
    started = time.monotonic()
    checkpoint = train(out, args.iterations)
    trained = time.monotonic()
    run('test', MODEL, str(checkpoint), '--work-dir', str(out))
    summaries = compare(checkpoint, out)
    labelled = labelled_fraction()
    print(f'\n{labelled:.1%} of the training pixels carry a label.')
    print(table(summaries))
    print(f'training {trained - started:.0f} s, all {time.monotonic() - started:.0f} s')
    print(f'images: {out}/overlays/, {out}/sheet.png, {out}/precision_recall.png, {out}/training_data.png')
    print(f'your own images: salseg predict {out} FOLDER --out maps --save mask,overlay')
    return 0


def train(out: Path, iterations: int) -> Path:
    """Train, or resume a run that was stopped; gives the last checkpoint."""
    # Saved on the way, so that a stopped run resumes.
    options = [f'train_cfg.max_iters={iterations}', f'default_hooks.checkpoint.interval={max(1, iterations // 4)}']
    resume = ['--resume'] if (out / 'last_checkpoint').is_file() else []
    run('train', MODEL, '--work-dir', str(out), *resume, '--cfg-options', *options)
    return Path((out / 'last_checkpoint').read_text())


def run(*arguments: str) -> None:
    """Run a salseg command, shown first."""
    print('$ salseg ' + ' '.join(arguments), flush=True)
    subprocess.run([sys.executable, '-m', 'salseg', *arguments], check=True)


def compare(checkpoint: Path, out: Path) -> dict[str, dict]:
    """Metrics of the model and of both rules on the test images; writes the images."""
    predictor = SaliencyPredictor(init_model(MODEL, str(checkpoint)))
    config = load_config(MODEL).test_dataloader.dataset
    dataset = DATASETS.build(dict(config))
    scores: dict[str, list] = {MODEL: [], 'border contrast': [], 'centre prior': []}
    rows = []
    for index in range(len(dataset)):
        drawn = dataset.describe(index)
        image, truth = drawn['frames'][0], drawn['gt_maps'][0]
        maps = {
            MODEL: predictor([image])[0].saliency,
            'border contrast': to_grey(border_contrast(image)),
            'centre prior': to_grey(centre_prior(*image.shape[:2])),
        }
        for name, saliency in maps.items():
            scores[name].append(saliency_scores(saliency, truth))
        overlay = overlay_map(image, maps[MODEL])
        write_png(out / 'overlays' / f'{drawn["set_id"]}.png', overlay)
        if index < 8:
            rows.append([image, truth, maps[MODEL], overlay, maps['border contrast']])
    titles = ('image', 'truth', 'prediction', 'overlay', 'border contrast')
    write_png(out / 'sheet.png', sheet(rows, titles))
    write_png(out / 'training_data.png', training_sheet())
    summaries = {name: dict(image_level(part), images=len(part)) for name, part in scores.items()}
    draw_precision_recall(
        summaries,
        out / 'precision_recall.png',
        f'{len(dataset)} synthetic images',
        ('border contrast', 'centre prior'),
    )
    plain = {name: {k: v for k, v in s.items() if not isinstance(v, np.ndarray)} for name, s in summaries.items()}
    (out / 'comparison.json').write_text(json.dumps(plain, indent=2))
    return summaries


def training_data() -> list[dict]:
    """The first twelve training images with their scribbles."""
    dataset = DATASETS.build(dict(load_config(MODEL).train_dataloader.dataset))
    return [dataset.describe(index) for index in range(12)]


def labelled_fraction() -> float:
    """Fraction of labelled pixels."""
    return float(np.mean([(item['label_images'][0] != 255).mean() for item in training_data()]))


def training_sheet() -> np.ndarray:
    """Training images with their scribbles drawn in."""
    images = [scribble_overlay(item['frames'][0], item['label_images'][0]) for item in training_data()]
    return sheet([images[start : start + 4] for start in range(0, 12, 4)])


if __name__ == '__main__':
    sys.exit(main())
