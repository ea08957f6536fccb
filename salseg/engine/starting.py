"""From which weights a training starts: what it needs, where they lie, what a file that does not fit may be."""

import ast
import copy
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from salseg.catalog import is_published_name
from salseg.engine.checkpoint import chosen_checkpoint
from salseg.engine.named_weights import weights_file
from salseg.errors import ConfigError, SalsegError, WeightsError
from salseg.models.backbones.weights import pretrained_files
from salseg.registry import MODELS

# First parts of the names that torchvision's and timm's image classifiers have.
_CLASSIFIERS = {'conv1', 'bn1', 'layer1', 'layer2', 'layer3', 'layer4', 'fc', 'features', 'classifier'}
# Share of a file's entries that must lie below one prefix for it to be named.
_MOST = 0.5


def find_start(config: Config, model: str, from_scratch: bool = False) -> None:
    """Refuse a stage without the weights that it begins with; of a run's folder take its best checkpoint, or the
    newest where none was selected.

    Args:
        config: Its ``load_from`` may be a file, a folder of a run or a name of published weights; ``needs_start`` names
            the model or config of the stage before.
        model: As the user named it; published weights are a start themselves.
        from_scratch: Allow a stage that needs a start to have none.

    Raises:
        ConfigError: The config needs a start and has none, or has one though it shall have none.
        CheckpointError: The folder of the run holds no checkpoint.
    """
    start, before = config.get('load_from'), config.get('needs_start')
    if not start and is_published_name(model):
        start = config.load_from = model
    if start and from_scratch:
        raise ConfigError(f'--from-scratch, but load_from={start!r} names weights. Leave one of the two out.')
    if start:
        config.load_from = start_file(start)
    if start or from_scratch or not before:
        return
    folder = f'runs/{Path(before).stem}'
    raise ConfigError(
        f'{model} is a later stage: it starts from the weights of {before}, and no weights are named. Train the stage '
        f'before, then name its run:\n'
        f'  salseg train {before} --work-dir {folder}\n'
        f'  salseg train {model} --cfg-options load_from={folder}\n'
        '  All stages one after the other: salseg train PROJECT --stages. Without a start, as an experiment: --from-scratch.'
    )


def start_file(start: str) -> str:
    """File of the weights that a training starts from, which are named as a file, a run's folder or published weights.

    Raises:
        CheckpointError, WeightsError: The folder holds no checkpoint, or published weights are not here.
    """
    if Path(start).is_dir():
        return chosen_checkpoint(start)
    return str(weights_file(start)) if is_published_name(start) and not Path(start).exists() else start


def build_model(
    spec: Mapping[str, Any],
    state: Mapping[str, Any] | None = None,
    partial: bool = False,
    source: str = 'the checkpoint',
) -> nn.Module:
    """Build a model without reading files of pretrained weights that a checkpoint overwrites entirely.

    Args:
        spec: The model's config.
        state: Entries of the checkpoint that will be loaded; None for none.
        partial: Whether it may lack entries of the model. One that may not brings all, and no file is read.
        source: Names the checkpoint in messages.

    Raises:
        WeightsError: A file that is needed cannot be had; where the checkpoint brings a part of it, how much.
    """
    if state is None:
        return _built(spec)
    drawn = torch.get_rng_state()
    with pretrained_files() as files:
        model = _built(spec)
    if not partial or not files.parts:
        return model
    lacking = _lacking(model, files.parts, {key.removeprefix('module.') for key in state})
    if not lacking:
        return model
    # Built again, since parts are changed after their file was read: a stem is inflated, a copy is made.
    torch.set_rng_state(drawn)
    with pretrained_files({number for number in range(len(files.parts)) if number not in lacking}):
        try:
            return _built(spec)
        except WeightsError as error:
            words = '; '.join(lacking.values())
            raise WeightsError(f'{error}\n  It is needed, since {source} does not bring all of it: {words}.') from error


def _built(spec: Mapping[str, Any]) -> nn.Module:
    try:
        return MODELS.build(spec)
    except SalsegError:
        raise
    except (TypeError, ValueError, AssertionError, RuntimeError, ArithmeticError, LookupError) as error:
        # What constructors of layers raise at a number that makes none.
        raise ConfigError(
            f'the model cannot be built from model.* of the config: {error}. Look at the values that were changed last '
            '(--debug shows where it failed).'
        ) from error


def _lacking(model: nn.Module, parts: Sequence[nn.Module], state: set[str]) -> dict[int, str]:
    """By number the parts with pretrained weights of which a checkpoint lacks entries, and what it has in words."""
    places = {id(module): name for name, module in model.named_modules()}
    own = list(model.state_dict())
    known = tuple(f'{places[id(part)]}.' for part in parts if id(part) in places)
    # A part that asked for no file may be a copy of one that did, and have its names.
    others = [key for key in own if key not in state and not key.startswith(known)]
    found = {}
    for number, part in enumerate(parts):
        names = list(part.state_dict())
        place = places.get(id(part))
        here = 0 if place is None else sum(f'{place}.{name}' in state for name in names)
        copied = any(key.endswith(tuple(f'.{name}' for name in names)) for key in others)
        if here < len(names) or copied:
            found[number] = f'{here} of {len(names)} entries of {place or type(part).__name__}'
    return found


def without_pretrained(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A model's config that asks for no files of pretrained weights: every part starts at random."""
    found = copy.deepcopy(dict(spec))
    _strip(found)
    return found


def _strip(node: Any) -> None:
    if isinstance(node, dict) and 'type' in node and node.get('weights') is not None:
        node['weights'] = None
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list | tuple) else ():
        _strip(value)


def nearest_cause(own: Iterable[str], state: Iterable[str], meta: Mapping[str, Any] | None = None) -> str:
    """What a file of weights that does not fit may be, as a sentence; empty where nothing is known.

    Args:
        own: Names of the model's entries.
        state: Names of the file's entries.
        meta: Of the checkpoint; that of a run holds its config as text.
    """
    names, keys = set(own), list(state)
    built = _built_model((meta or {}).get('cfg'))
    if built:
        return f'this looks like a checkpoint of {built}'
    # A part saved alone lacks the prefix of the whole; a whole saved inside another has one more.
    inner = Counter(name[: -len(key)] for key in keys for name in names if name.endswith(f'.{key}'))
    if inner and inner.most_common(1)[0][1] > _MOST * len(keys):
        return f"this looks like a checkpoint of the model's part '{inner.most_common(1)[0][0].rstrip('.')}' alone"
    outer = Counter(head for head, _, rest in (key.partition('.') for key in keys) if rest in names)
    if outer and outer.most_common(1)[0][1] > _MOST * len(keys):
        return f"this looks like a checkpoint whose names begin with '{outer.most_common(1)[0][0]}.'; cut that off"
    heads = Counter(key.partition('.')[0] for key in keys)
    if heads and set(heads) <= _CLASSIFIERS:
        return (
            "this looks like a checkpoint of an image classifier: name it as the backbone's weights, not as load_from"
        )
    if not heads:
        return 'the file holds no entry at all'
    return f'this looks like a checkpoint of another program: its entries begin with {", ".join(sorted(heads)[:4])}'


def _built_model(text: Any) -> str:
    """The model that a run's config builds, in words; its text is read and never run."""
    try:
        lines = ast.parse(text).body if isinstance(text, str) else []
    except SyntaxError:
        return ''
    for line in lines:
        if isinstance(line, ast.Assign) and getattr(line.targets[0], 'id', '') == 'model':
            parts = _types(line.value)
            inner = [kind for name, kind in parts.items() if name in ('backbone', 'matcher', 'head')]
            return f'{parts.get("model", "")} with {", ".join(inner)}' if inner else parts.get('model', '')
    return ''


def _types(node: ast.expr) -> dict[str, str]:
    """Class of a model and of each of its parts, by name of the part; inside an encoder that of its backbone."""
    found: dict[str, str] = {}
    for word in getattr(node, 'keywords', []):
        if word.arg == 'type' and isinstance(word.value, ast.Constant):
            found['model'] = str(word.value.value)
        elif isinstance(word.value, ast.Call):
            inside = _types(word.value)
            if 'model' in inside:
                found[str(word.arg)] = inside.get('backbone', inside['model'])
    return found
