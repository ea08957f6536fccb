"""Five objects tracked in one call against five runs with one object each.

    python benchmarks/speed/objects_together.py [--quick]

Untrained, on a synthetic video. XMem encodes an image's key, and compares it with the memory, once for all objects;
NPMCA-net looks at every object with an encoder that sees its mask, so that only the overhead is shared. Exits with 1 if the
five objects of the full XMem take more than 0.75 of the processor time of five runs; the lite models are printed beside.
`--quick` has small, few frames and the lite models only.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from measure import use_one_thread

from salseg.apis import Prompt, Propagator, init_model
from salseg.datasets.synthetic.videos import draw_video

PROJECTS = Path(__file__).resolve().parents[2] / 'projects'
MODELS = {
    'xmem': (PROJECTS / 'xmem/configs/xmem_r50_masks_davis17-480.py', 0.75),
    'xmem-lite': (PROJECTS / 'xmem/configs/xmem_lite0_masks_davis17-240.py', None),
    'npmca-net-lite': (PROJECTS / 'npmca_net/configs/npmca-net_lite0_paper_davis17.py', None),
}
BACKBONES = {'xmem': ('key_backbone', 'value_backbone'), 'npmca-net': ('backbone',)}
OBJECTS = 5


def seconds(model: object, frames: list, prompt: Prompt) -> float:
    """Processor time of all frames but the first."""
    tracker = Propagator(model, random_weights=True)
    tracker.step(frames[0].image, prompt)
    started = time.process_time()
    for frame in frames[1:]:
        tracker.step(frame.image)
    return time.process_time() - started


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row per model; 0 if the bar holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--quick', action='store_true', help='small frames, three of them, no bar')
    args = parser.parse_args(arguments)
    use_one_thread()
    size, count, rounds = ((64, 96), 3, 1) if args.quick else ((240, 432), 9, 2)
    video = draw_video(0, 'together', 0, length=count, size=size, objects=OBJECTS, leaving=False, occluders=0)
    frames = [video.frame(t) for t in range(count)]
    masks = {i: frames[0].labels == i for i in video.object_ids}
    failed = 0
    print(
        f'{"model":>14} {"together":>10} {"one by one":>11} {"ratio":>6}   seconds for {count - 1} frames, best of {rounds}'
    )
    for name, (config, bar) in MODELS.items():
        if args.quick and not name.endswith('-lite'):
            continue
        parts = BACKBONES[name.removesuffix('-lite')]
        options = [f'model.shorter_side={size[0]}', *(f'model.{part}.weights=None' for part in parts)]
        model = init_model(str(config), device='cpu', options=options)
        single = [Prompt.from_masks({i: mask}) for i, mask in masks.items()]
        together, apart = [], []
        for _ in range(rounds):
            together.append(seconds(model, frames, Prompt.from_masks(masks)))
            apart.append(sum(seconds(model, frames, prompt) for prompt in single))
        ratio = min(together) / min(apart)
        print(f'{name:>14} {min(together):10.2f} {min(apart):11.2f} {ratio:6.2f}', flush=True)
        failed += not args.quick and bar is not None and ratio > bar
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
