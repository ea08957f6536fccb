"""Does a low confidence tell that an object is lost? Masks of a tracker beside the truth of synthetic videos.

    python benchmarks/learning/lost_objects.py CHECKPOINT [--model xmem-lite] [--videos 4]

Two objects are given in the first frame and tracked through 23 more. Prints, for some thresholds on the mean probability
inside a mask, which part of the good masks (IoU above 0.6) and of the bad ones (below 0.2) would be called lost; an empty mask
is lost at every threshold.
"""

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from salseg.apis import Prompt, init_model
from salseg.apis.track_files import is_lost
from salseg.datasets.synthetic.videos import draw_video
from salseg.propagation import build_propagator, propagate

LENGTH, OBJECTS, GOOD, BAD = 24, (1, 2), 0.6, 0.2
THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row for each threshold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('checkpoint')
    parser.add_argument('--model', default='xmem-lite')
    parser.add_argument('--videos', type=int, default=4)
    args = parser.parse_args(arguments)
    propagator = build_propagator(init_model(args.model, args.checkpoint, 'cpu'))
    rows: list[tuple[float, int, float]] = []
    for number in range(args.videos):
        propagator.reset()
        frames = list(draw_video(5, 'lost', number, length=LENGTH, size=(96, 96), objects=len(OBJECTS), max_step=4))
        given = {index: frames[0].labels == index for index in OBJECTS if (frames[0].labels == index).any()}
        results = propagate(propagator, [frame.image for frame in frames], {0: Prompt.from_masks(given)})
        for place, (frame, result) in enumerate(zip(frames, results)):
            for index in given if place else ():
                found, truth = result.labels == index, frame.labels == index
                iou = float((found & truth).sum() / max(1, (found | truth).sum()))
                rows.append((iou, int(found.sum()), result.confidence[index]))
    good, bad = ([row for row in rows if kept(row[0])] for kept in (lambda iou: iou > GOOD, lambda iou: iou < BAD))
    print(f'{len(rows)} masks, {len(good)} good, {len(bad)} bad\n{"below":>6} {"good":>6} {"bad":>6}')
    for limit in THRESHOLDS:
        parts = [np.mean([is_lost(area, sure, limit) for _, area, sure in some] or [0]) for some in (good, bad)]
        print(f'{limit:>6} {parts[0]:>6.2f} {parts[1]:>6.2f}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
