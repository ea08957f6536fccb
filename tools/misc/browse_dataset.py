"""Show what the network sees: items of a config's data set behind all transforms, a PNG each."""

import argparse
import sys
from pathlib import Path

from salseg.cli.common import add_model, add_options
from salseg.errors import DataError, SalsegError


def main() -> int:
    """Write the images."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_model(parser)
    parser.add_argument(
        '--part', choices=('train', 'val', 'test'), default='train', help='data set of the config (train)'
    )
    parser.add_argument('--number', type=int, default=8, metavar='N', help='items (8)')
    parser.add_argument('--start', type=int, default=0, metavar='I', help='first item (0)')
    parser.add_argument('--epoch', type=int, default=0, metavar='E', help='whose random draws to show (0)')
    parser.add_argument('--frames', type=int, default=8, metavar='N', help='frames shown of an item (8)')
    parser.add_argument('--cell', type=int, default=240, metavar='PIXELS', help='side of an image in the sheet (240)')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder for the images')
    add_options(parser)
    args = parser.parse_args()
    try:
        browse(args)
    except SalsegError as error:
        sys.stderr.write(f'{type(error).__name__}: {error}\n')
        return 2
    return 0


def browse(args: argparse.Namespace) -> None:
    """Draw items one by one; each is as an epoch of a training would draw it.

    Raises:
        DataError: The config has no such data set, or no item is left.
    """
    from salseg.engine.config import load_config
    from salseg.io.images import write_png
    from salseg.registry import DATASETS
    from salseg.visualization import sheet
    from salseg.visualization.items import item_images

    config = load_config(args.model, args.cfg_options)
    loader = config.get(f'{args.part}_dataloader')
    # Several test sets make a list of loaders; the first is shown unless --cfg-options reorders them.
    loader = loader[0] if isinstance(loader, list) else loader
    if loader is None:
        raise DataError(f'{args.model} has no {args.part}_dataloader.')
    data = DATASETS.build(loader['dataset'])
    indices = range(args.start, min(args.start + args.number, len(data)))
    if not indices:
        raise DataError(f'--start {args.start}: {data.name} has {len(data)} items.')
    print(f'{type(data).__name__} {data.name}: {len(data)} items, {len(indices)} shown')
    for index in indices:
        item = data.get(args.epoch, index)
        titles, rows = item_images(item)
        image = sheet(rows[: args.frames], titles, cell=args.cell)
        path = write_png(args.out / f'{args.part}_{index:05d}.png', image)
        print(f'{path}: {describe(item)}')


def describe(item: dict) -> str:
    """Names, sizes and ranges of an item in a line."""
    inputs, sample = item['inputs'], item['data_samples']
    parts = [sample.where(), f'{tuple(inputs.shape)} {inputs.dtype} in [{inputs.min():g}, {inputs.max():g}]']
    labels = sample.get('labels')
    if labels is not None:
        known = labels != 255
        share = f'{known.float().mean():.1%} known, {((labels > 0) & known).float().mean():.1%} object'
        parts.append(f'labels {sorted(labels.unique().tolist())}, {share}')
    parts += [
        f'{name} {tuple(sample.get(name).shape)}' for name in ('boxes', 'prompt', 'flow', 'guidance') if name in sample
    ]
    return '; '.join(parts)


if __name__ == '__main__':
    sys.exit(main())
