"""Three ways to the same numbers: `test --out`, `evaluate` of what it kept, and `predict --dataset` with `evaluate`.

    PYTHONPATH=. python benchmarks/reliability/same_numbers.py DATA [--tasks sod cosod vsod vos] [--checkpoint TASK=FILE ...]

DATA holds any of these folders: ``sod/ECSSD`` (image/, mask/, test.txt), ``cosod`` (image/<group>/, gt/<group>/), ``davis`` and
``davis_multi`` (DAVIS' layout with one and with several objects; lists val.txt). The lite models are used, with random weights
where no checkpoint is given; random ones do for equality. One row for each set; the status is 1 where a file differs by a byte
or a metric by a bit.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from salseg.apis import init_model
from salseg.cli import main as salseg
from salseg.io.record import read_record

CONFIGS = Path(__file__).resolve().parents[2] / 'projects'


@dataclass(frozen=True)
class Task:
    """A set and the model that is tested on it.

    Attributes:
        folder: Below DATA.
        convert: Set that the folder is converted to; None where the config reads it as it is.
        config, options: Of the model.
        protocol, truth: Of `evaluate`; the folder of the truth below the set.
        listed: List below the set, None for all.
        name: Of the set in what is printed.
    """

    folder: str
    convert: str | None
    config: str
    options: tuple[str, ...]
    protocol: str
    truth: str
    listed: str | None
    name: str | None = None


TASKS = {
    'sod': Task(
        'sod/ECSSD',
        None,
        'scwssod/configs/scwssod_lite0_paper_folder-192.py',
        (
            'test_dataloader.dataset.label_folder=None',
            'test_dataloader.dataset.list_file=test.txt',
            'test_dataloader.batch_size=1',
        ),
        'sod',
        'mask',
        'test.txt',
    ),
    'cosod': Task(
        'cosod',
        None,
        'dcfm/configs/dcfm_lite0_folder-and-synthetic-160.py',
        ('test_evaluator.protocol=cosod',),
        'cosod',
        'gt',
        None,
    ),
    'vsod': Task(
        'davis',
        'DAVIS-2016',
        'rcrnet/configs/rcrnet-ner_lite0_davis-160.py',
        (),
        'vsod',
        'Annotations',
        'ImageSets/val.txt',
    ),
    'vos': Task(
        'davis_multi',
        'DAVIS-2017',
        'xmem/configs/xmem_lite0_masks_davis17-240.py',
        ('test_dataloader.persistent_workers=False',),
        'davis17-semi',
        'Annotations',
        'ImageSets/val.txt',
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all ways, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('data', type=Path)
    parser.add_argument('--tasks', nargs='+', choices=TASKS, default=list(TASKS))
    parser.add_argument(
        '--checkpoint', nargs='+', default=[], metavar='TASK=FILE', help='weights instead of random ones'
    )
    parser.add_argument('--options', nargs='+', default=[], metavar='KEY=VALUE', help='further options of the configs')
    parser.add_argument('--out', type=Path, metavar='DIR', help='an empty folder, kept; a temporary one by default')
    args = parser.parse_args(arguments)
    weights = dict(item.split('=', 1) for item in args.checkpoint)
    rows, same = [], True
    with tempfile.TemporaryDirectory() as temporary:
        for name in args.tasks:
            folder = (args.out or Path(temporary)).resolve() / name
            folder.mkdir(parents=True)
            row = compare(TASKS[name], args.data.resolve(), folder, weights.get(name), args.options)
            rows.append([name, *row])
            same = same and row[-2:] == ['all', 'all']
    print('| task | files | frames/s | peak memory, MB | metrics | equal to the bit | files equal to the byte |')
    print('|---|---|---|---|---|---|---|')
    for row in rows:
        print(f'| {" | ".join(row)} |')
    return 0 if same else 1


def compare(task: Task, data: Path, folder: Path, checkpoint: str | None, more: Sequence[str]) -> list[str]:
    """Cells of a set's row."""
    root = data / task.folder
    if task.convert:
        run(['convert', task.convert, str(root), '--root', str(folder / 'data')])
        root = folder / 'data' / task.convert
    config = str(CONFIGS / task.config)
    options = [*task.options, *more, f'test_dataloader.dataset.data_root={root}', 'test_dataloader.num_workers=0']
    if checkpoint is None:
        checkpoint = str(folder / 'random.pth')
        torch.manual_seed(1)
        model = init_model(config, device='cpu', options=options, pretrained=False)
        torch.save(dict(state_dict=model.state_dict()), checkpoint)
    place = ['--work-dir', str(folder / 'work')]
    run(['test', config, checkpoint, '--out', str(folder / 'tested'), *place, '--cfg-options', *options])
    predict = ['predict', config, '--dataset', config, '--checkpoint', checkpoint, '--out', str(folder / 'predicted')]
    run([*predict, '--cfg-options', *options])
    made = next(path for path in (folder / 'tested').iterdir() if path.is_dir() and path.name != 'reports').name
    for kind in ('tested', 'predicted'):
        words = [str(folder / kind / made), str(root / task.truth), '--protocol', task.protocol, '--processes', '1']
        listed = ['--list', str(root / task.listed), '--allow-extra'] if task.listed else []
        run(['evaluate', *words, *listed, '--out', str(folder / f'{kind}-scored')])
    record = read_record(folder / 'tested').result
    own = {key.partition('/')[2]: value for key, value in record['metrics'].items() if key.count('/') == 1}
    scored = [metrics_of(folder / f'{kind}-scored') for kind in ('tested', 'predicted')]
    equal = [key for key in own if own[key] == scored[0][key] == scored[1][key]]
    files = [files_of(folder / kind / made) for kind in ('tested', 'predicted')]
    alike = sum(files[0][name] == files[1].get(name) for name in files[0])
    whole = len(own) and len(equal) == len(own) and scored[0] == scored[1]
    speed = record['speed']
    return [
        str(len(files[0])),
        f'{speed["frames"] / speed["seconds"]:.1f}',
        f'{speed["memory"] / 1e6:.0f}',
        str(len(own)),
        'all' if whole else f'{len(equal)} of {len(own)}',
        'all' if files[0].keys() == files[1].keys() and alike == len(files[0]) > 0 else f'{alike} of {len(files[0])}',
    ]


def run(words: list[str]) -> None:
    """A command that must succeed."""
    status = salseg(words)
    if status:
        raise RuntimeError(f'salseg {" ".join(words[:3])}: status {status}')


def metrics_of(folder: Path) -> dict[str, float]:
    """Of the one method that was scored."""
    return json.loads((folder / 'metrics.json').read_text())['methods'][0]['metrics']


def files_of(folder: Path) -> dict[str, bytes]:
    """All maps or labels."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob('*.png'))}


if __name__ == '__main__':
    sys.exit(main())
