"""Draw the images of the task pages: what small models predict on synthetic data that they have not seen.

    python docs/make_images.py --sod FILE --cosod FILE --vsod FILE --vos FILE [--out docs/en/images]

Each FILE is a checkpoint of the task's small model (scwssod-lite, dcfm-lite, rcrnet-ner-lite, xmem-lite), as its training or
benchmarks/learning/mixed.py leaves it; a task without one keeps its image. Written as JPEG, 60 kB at most each. The banner of
README.md, teaser.jpg, is put together from the four.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from salseg.apis import Prompt, Propagator, SaliencyPredictor, init_model
from salseg.apis.clips import ClipPredictor
from salseg.apis.groups import GroupPredictor
from salseg.datasets.synthetic import draw_video
from salseg.datasets.synthetic.colors import HELD_OUT
from salseg.datasets.synthetic.groups import draw_group
from salseg.datasets.synthetic.images import draw_image
from salseg.io.files import replacing
from salseg.visualization import overlay_labels, overlay_map, scribble_overlay, sheet

SIZE, LIMIT = 96, 60_000


def main() -> int:
    """Draw what there is a checkpoint for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', default='docs/en/images')
    for task in DRAWN:
        parser.add_argument(f'--{task}', metavar='FILE')
    args = parser.parse_args()
    for task, draw in DRAWN.items():
        checkpoint = getattr(args, task)
        if checkpoint:
            write(Path(args.out) / f'{task}.jpg', draw(checkpoint))
    write(Path(args.out) / 'teaser.jpg', teaser(Path(args.out)))
    return 0


def sod(checkpoint: str) -> np.ndarray:
    """Images, the scribbles that such images are trained with, maps."""
    predict = SaliencyPredictor(model('scwssod-lite', checkpoint, SIZE))
    drawn = [draw_image(0, 'test', index, SIZE) for index in range(4)]
    labels = [np.select([p.scribble == 1, p.scribble == 2], [1, 0], 255) for p in drawn]
    maps = [predict([image.image])[0].saliency for image in drawn]
    rows = [[p.image, scribble_overlay(p.image, s), m, overlay_map(p.image, m)] for p, s, m in zip(drawn, labels, maps)]
    return sheet(rows, ('image', 'scribbles (training)', 'map', 'overlay'))


def cosod(checkpoint: str) -> np.ndarray:
    """Two groups: images above, what they share below."""
    predict = GroupPredictor(model('dcfm-lite', checkpoint, 160))
    rows = []
    for index in range(2):
        images = [image.image for image in draw_group(0, 'test', index, 5, 160, HELD_OUT).images]
        found = predict(images)
        rows += [images, [overlay_map(member, answer.saliency) for member, answer in zip(images, found)]]
    return sheet(rows, cell=128)


def vsod(checkpoint: str) -> np.ndarray:
    """Frames of a video and their maps."""
    predict = ClipPredictor(model('rcrnet-ner-lite', checkpoint, SIZE), 4)
    scene = dict(objects=2, occluders=1, leaving=False, max_step=6.0)
    rows = []
    for index in range(2):
        frames = [frame.image for frame in draw_video(0, 'val', index, length=8, size=SIZE, **scene)][::2]
        found = [answer.saliency for answer in predict((f'{t:05d}', image) for t, image in enumerate(frames))]
        rows += [frames, [overlay_map(image, grey) for image, grey in zip(frames, found)]]
    return sheet(rows)


def vos(checkpoint: str) -> np.ndarray:
    """A video whose first frame has its objects marked, and where they are in later frames."""
    follow_with = init_model('xmem-lite', checkpoint, 'cpu')
    scene = dict(objects=2, look_alikes=True, distractors=1, occluders=0, leaving=False, max_step=4.0)
    rows, index = [], 0
    while len(rows) < 3:
        video = list(draw_video(0, 'test', index, length=13, size=SIZE, **scene))
        index += 1
        if video[0].box_valid.all():
            tracker = Propagator(follow_with)
            prompts = [Prompt.from_labels(video[0].labels), *[None] * (len(video) - 1)]
            found = [tracker.step(frame.image, prompt).labels for frame, prompt in zip(video, prompts)]
            shown = list(zip(video, found))[::4]
            rows.append([overlay_labels(frame.image, labels) for frame, labels in shown])
    return sheet(rows, ('given', 'frame 4', 'frame 8', 'frame 12'))


# What the banner shows of each task: title; side of a cell and height of the titles in its image; rows; columns.
BANNER = {
    'sod': ('An image: input, scribbles to learn from, map', 160, 26, (3, 1), (0, 1, 2)),
    'cosod': ('A group: what its images share', 128, 0, (0, 1), (0, 1, 3)),
    'vsod': ('A video: salient objects of each frame', 160, 0, (0, 1), (0, 2, 3)),
    'vos': ('Objects tracked: first frame given', 160, 26, (2, 1), (0, 2, 3)),
}


def teaser(folder: Path, gap: int = 6) -> np.ndarray:
    """The four tasks in one image, from the images of their pages."""
    panels = []
    for task, (title, cell, head, rows, columns) in BANNER.items():
        page = cv2.imread(str(folder / f'{task}.jpg'))[..., ::-1]
        tops, lefts = ([start + gap + n * (cell + gap) for n in which] for start, which in ((head, rows), (0, columns)))
        cells = [[page[top : top + cell, left : left + cell] for left in lefts] for top in tops]
        panels.append(sheet(cells, (title,), cell=128))
    space = np.full((panels[0].shape[0], 2 * gap, 3), 255, np.uint8)
    return np.vstack([np.hstack([panels[0], space, panels[1]]), np.hstack([panels[2], space, panels[3]])])


def model(name: str, checkpoint: str, size: int) -> object:
    """A small model at a size."""
    return init_model(name, checkpoint, 'cpu', [f'test_dataloader.dataset.pipeline.2.size={size}'])


def write(path: Path, image: np.ndarray) -> None:
    """As the best JPEG within the limit."""
    for quality in range(90, 20, -5):
        data = cv2.imencode('.jpg', image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(data) <= LIMIT:
            break
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    sys.stdout.write(f'{path}: {len(data)} bytes\n')


DRAWN = {'sod': sod, 'cosod': cosod, 'vsod': vsod, 'vos': vos}

if __name__ == '__main__':
    sys.exit(main())
