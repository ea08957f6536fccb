"""Record what a renaming must not change, and compare two records through a table of the wanted differences.

``freeze.py record OUT.json [--tree DIR]`` writes, for every config, the resolved config and the names and shapes of all
weights; for every lite config also what the model answers and loses with weights filled by name; and what a tiny
training weighs after six steps, in one go and resumed after three. ``freeze.py compare OLD.json NEW.json`` prints every
difference that no entry of ``freeze_table.yml`` covers and then ends with status 1.

The table (``old`` and ``where`` are regular expressions; ``only`` optionally is a glob of new config names):
    configs: [{old: NAME, new: NAME, reason}]; null for a config that is new or gone.
    keys: [{old, new, reason, only}]; ``re.sub`` on dotted paths such as ``config.model.neck.width`` or ``loss.loss_bce``,
        taken where the new record has the result; ``new: null`` lets a path go, ``old: null`` lets ``new`` come.
    values: [{where, old, new, reason, only}]; of the new path, whole; text also by expression, without ``old`` any.
No entry covers a weight's name or shape (``state.``).
"""

import argparse
import hashlib
import importlib
import json
import math
import os
import random
import re
import sys
import tempfile
import time
import warnings
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ['OMP_NUM_THREADS'] = '1'
os.environ['SALSEG_OFFLINE'] = '1'

import numpy as np
import torch
from freeze_compare import Table, compare

TABLE = Path(__file__).with_name('freeze_table.yml')
# It labels the synthetic videos.
GENERATOR = 'fgplg_lite0_synthetic-160'
RESUME = ['train_cfg.max_iters=6', 'default_hooks.checkpoint.interval=3', 'default_hooks.checkpoint.max_keep_ckpts=-1']


def salseg_of(tree: Path) -> SimpleNamespace:
    """What this script needs of a tree; the only place that knows where trees differ: newest place first."""
    os.chdir(tree)
    sys.path.insert(0, str(tree))

    def first(name: str, *modules: str) -> Any:
        for module in modules:
            try:
                return getattr(importlib.import_module(module), name)
            except (ModuleNotFoundError, AttributeError):
                continue
        raise SystemExit(f'{tree}: none of {", ".join(modules)} has {name}; add its new place to salseg_of')

    place = Path(importlib.import_module('salseg').__file__)
    if tree not in place.parents:
        raise SystemExit(f'salseg was imported from {place}, not from {tree}')
    return SimpleNamespace(
        load_config=first('load_config', 'salseg.engine.config'),
        models=first('MODELS', 'salseg.registry'),
        runner=first('SalRunner', 'salseg.engine.runner'),
        prepare=first('prepare', 'salseg.engine.train', 'salseg.engine.running'),
        train=first('train', 'salseg.engine.train', 'salseg.engine.running'),
        load_file=first('load_file', 'salseg.engine.checkpoint'),
        init_model=first('init_model', 'salseg.apis'),
        predict=first('predict', 'salseg.apis'),
        propagator=first('Propagator', 'salseg.apis'),
        make_tiny=first('make_tiny', 'tests.projects.tiny_runs'),
        write_data=first('write_data', 'tests.projects.tiny_runs'),
        data_sets=first('data_sets', 'tests.projects.tiny_runs'),
        write_tiny_config=first('write_tiny_config', 'tests.tiny'),
    )


def record(tree: Path) -> dict[str, Any]:
    """All that is compared, as JSON."""
    own = salseg_of(tree)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True, warn_only=True)
    found = sorted([*tree.glob('configs/**/*.py'), *tree.glob('projects/*/configs/**/*.py')])
    paths = {path.stem: path for path in found if '_base_' not in path.parts}
    if len(paths) != sum('_base_' not in path.parts for path in found):
        raise SystemExit('two configs have one name')
    records: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        resume = resumed(own, Path(folder))
        # Configs name their data relative to the folder that a command is run in.
        os.chdir(folder)
        own.write_data(Path(folder), own.load_config(str(paths[GENERATOR])))
        for number, (name, path) in enumerate(paths.items(), 1):
            start = time.time()
            config = own.load_config(str(path))
            entry = dict(config=plain(config.to_dict(), tree), state=shapes(own, config))
            if 'lite' in name:
                entry |= dict(output=answers(own, path), loss=losses(own, path, Path(folder) / name))
            records[name] = entry
            print(f'{number}/{len(paths)} {name} {time.time() - start:.1f} s', file=sys.stderr)
    versions = dict(torch=torch.__version__, numpy=np.__version__, python=sys.version.split()[0])
    return dict(configs=records, resume=resume, versions=versions)


def plain(value: Any, tree: Path) -> Any:
    """A config's value as JSON holds it; paths in the tree are relative to it."""
    if isinstance(value, dict):
        return {str(key): plain(child, tree) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [plain(child, tree) for child in value]
    if isinstance(value, str) and value.startswith(f'{tree}/'):
        return os.path.relpath(value, tree)
    return value if isinstance(value, str | int | float | bool | None) else repr(value)


def pretrained(node: Any, path: str) -> list[str]:
    """Dotted keys of the parts of a model that would fetch weights."""
    if isinstance(node, list | tuple):
        return [key for index, child in enumerate(node) for key in pretrained(child, f'{path}.{index}')]
    if not isinstance(node, dict):
        return []
    found = [f'{path}.weights'] if 'type' in node and isinstance(node.get('weights'), str) else []
    return found + [key for name, child in node.items() for key in pretrained(child, f'{path}.{name}')]


def shapes(own: SimpleNamespace, config: Any) -> dict[str, str]:
    """Shape and type of each weight by name; the model has random weights, or none where it allows that."""
    config.merge_from_dict({key: None for key in pretrained(config.model.to_dict(), 'model')})
    try:
        with torch.device('meta'):
            model = own.models.build(config.model.to_dict())
    except (RuntimeError, NotImplementedError):  # A constructor that looks at its numbers.
        model = own.models.build(config.model.to_dict())
    return {key: f'{tuple(value.shape)} {value.dtype}' for key, value in model.state_dict().items()}


def fill(model: torch.nn.Module) -> torch.nn.Module:
    """Fill weights by their names alone, so that the order of construction does not count."""
    wanted = {name for name, _ in model.named_parameters()}
    for key, value in model.state_dict().items():
        if key not in wanted and not key.endswith(('running_mean', 'running_var')):
            continue
        draw = torch.randn(value.shape, generator=torch.Generator().manual_seed(zlib.crc32(key.encode())))
        if key.endswith('running_var'):
            draw = 1 + 0.1 * draw.abs()
        elif value.ndim > 1:
            draw = draw * math.sqrt(len(value) / value.numel())
        else:
            draw = 0.1 * draw + (not key.endswith(('bias', 'running_mean')))
        if re.search(r'\.bn3\.weight$', key):
            draw = 0.1 * draw  # Else every residual block would add to the scale.
        value.copy_(draw)
    model.weights_source = 'filled by name'  # Else predictors and learners rightly refuse.
    return model


def summary(arrays: list[Any]) -> dict[str, Any]:
    """Fingerprint and a few numbers of some arrays."""
    arrays = [np.ascontiguousarray(array) for array in arrays]
    joined = np.concatenate([array.ravel().astype(np.float64) for array in arrays])
    if not np.isfinite(joined).all():
        raise SystemExit('an answer is no number; such a record would see nothing')
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(f'{array.shape} {array.dtype}'.encode() + array.tobytes())
    return dict(sha=sha.hexdigest(), mean=joined.mean(), std=joined.std(), first=joined[:4].tolist())


def images(count: int) -> list[np.ndarray]:
    """Frames (96, 128, 3) uint8: two discs that move over a noisy slope."""
    y, x = np.mgrid[:96, :128]
    found = []
    for index in range(count):
        image = np.stack([x, y * 2, (x + y) % 200], 2) + np.random.default_rng(index).integers(0, 40, (96, 128, 3))
        for number, colour in ((1, (230, 40, 30)), (2, (20, 60, 220))):
            image[disc(index, number)] = colour
        found.append(image.clip(0, 255).astype(np.uint8))
    return found


def disc(index: int, number: int) -> np.ndarray:
    """Mask (96, 128) bool of an object in a frame."""
    y, x = np.mgrid[:96, :128]
    return (y - 30 * number) ** 2 + (x - 35 * number - 4 * index) ** 2 < (12 + 3 * number) ** 2


def answers(own: SimpleNamespace, path: Path) -> dict[str, Any]:
    """What a model with filled weights answers, and what its head gave before rounding."""
    weights = pretrained(own.load_config(str(path)).model.to_dict(), 'model')
    model = fill(own.init_model(str(path), device='cpu', options=dict.fromkeys(weights)))
    if hasattr(model, 'init_state'):
        tracker = own.propagator(model)
        labels = (disc(0, 1) + 2 * disc(0, 2)).clip(0, 2).astype(np.uint8)
        results = [tracker.step(image, None if index else labels) for index, image in enumerate(images(6))]
        return dict(answer=summary([result.probability.numpy() for result in results]))
    if not model.cfg.get('test_dataloader'):
        return {}
    raw: list[np.ndarray] = []
    model.head.register_forward_hook(
        lambda module, inputs, output: raw.extend(t.detach().numpy() for t in tensors(output))
    )
    maps = own.predict(model, images(4))
    return dict(answer=summary(maps), head=summary(raw))


def tensors(value: Any) -> list[torch.Tensor]:
    """All tensors in lists and dicts, dicts by their keys' order."""
    if isinstance(value, torch.Tensor):
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [tensor for child in children for tensor in tensors(child)]


def losses(own: SimpleNamespace, path: Path, folder: Path) -> dict[str, Any]:
    """Loss terms of the first batch of a small run and the norm of their gradient; none where its data are not here."""
    config = own.make_tiny(own.load_config(str(path)))
    config.merge_from_dict({key: None for key in pretrained(config.model.to_dict(), 'model')})
    sets = [node for place, node in own.data_sets(config.to_dict()) if place.startswith('train_')]
    if not sets or not all(Path(node.get('data_root', '')).is_dir() for node in sets):
        return {}
    own.prepare(config, str(folder), 'none', amp=False)
    config.log_level = 'ERROR'
    runner = own.runner.from_cfg(config)
    model = fill(runner.model).train()
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    batch = model.data_preprocessor(next(iter(runner.train_dataloader)), True)
    runner.message_hub.update_info('iter', 10**6)  # Some losses come in late.
    terms = model(**batch, mode='loss')
    sum(tensor.sum() for tensor in tensors(terms) if tensor.requires_grad).backward()
    squares = sum(float(p.grad.double().square().sum()) for p in model.parameters() if p.grad is not None)
    found = {key: [float(v.detach().double().mean()) for v in tensors(value)] for key, value in terms.items()}
    if not math.isfinite(squares) or squares == 0:
        raise SystemExit(f'{path.stem}: the squared norm of the gradient is {squares}')
    found['gradient'] = [float(f'{math.sqrt(squares):.5g}')]
    with torch.no_grad():
        found['outputs'] = summary([tensor.numpy() for tensor in tensors(model.eval()(**batch, mode='tensor'))])
    return found


def resumed(own: SimpleNamespace, folder: Path) -> dict[str, str]:
    """Fingerprints of all weights after six steps in one go, and resumed after the third."""
    config = str(own.write_tiny_config(folder / 'tiny.py'))
    own.train(config, RESUME, str(folder / 'whole'))
    # Not from a run of three steps: the schedule of such a run would have come to its end.
    own.train(config, RESUME, str(folder / 'parts'), resume=str(folder / 'whole/iter_3.pth'))
    states = {run: own.load_file(folder / run / 'iter_6.pth')['state_dict'] for run in ('whole', 'parts')}
    hashes = {run: summary([state[key].numpy() for key in sorted(state)])['sha'] for run, state in states.items()}
    if hashes['whole'] != hashes['parts']:
        raise SystemExit(f'a resumed run ends with other weights: {hashes}')
    return hashes


def main() -> int:
    """Record or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='command', required=True)
    one = commands.add_parser('record')
    one.add_argument('out', type=Path)
    one.add_argument('--tree', type=Path, default=Path(__file__).resolve().parents[2])
    two = commands.add_parser('compare')
    two.add_argument('old', type=Path)
    two.add_argument('new', type=Path)
    two.add_argument('--table', type=Path, default=TABLE)
    args = parser.parse_args()
    if args.command == 'record':
        warnings.simplefilter('ignore')
        out = args.out.resolve()
        out.write_text(json.dumps(record(args.tree.resolve()), indent=1, sort_keys=True) + '\n', encoding='utf-8')
        return 0
    table = Table(args.table)
    found = compare(*(json.loads(path.read_text(encoding='utf-8')) for path in (args.old, args.new)), table)
    table.report()
    print('\n'.join(found) or 'no difference that is not in the table')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
