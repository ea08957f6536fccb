"""From a name, a file or a run's folder to a checked config."""

import ast
import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

import salseg.registry  # noqa: F401 - mmengine's scope look-up must find our registries
from salseg.catalog import config_of, is_model_name, is_published_name, model_cards
from salseg.datasets.flow import estimator_config
from salseg.engine.config.check import check_config
from salseg.engine.config.origin import trace_origins
from salseg.engine.config.run_folder import CONFIG_NAME, read_run_config, run_config_of
from salseg.engine.named_weights import options_of_file, weights_file
from salseg.engine.starting import without_pretrained
from salseg.errors import ConfigError, SalsegError
from salseg.io.fields import short
from salseg.paths import assets_root, enable_projects


def load_config(
    model: str,
    options: Mapping[str, Any] | Sequence[str] | None = None,
    check: bool = True,
    weights: str | Path | None = None,
    pretrained: bool = True,
) -> Config:
    """Read a config and refuse what no constructor takes.

    Args:
        model: Name of a model or of published weights, path of a config, which is code and runs, or folder of a run, of which
            only data are read: the resolved config that the training wrote as JSON.
        options: Overrides, by dotted key or as ``key=value`` texts. ``model.pretrained=False`` leaves out all files of
            pretrained weights; ``flow_estimator=NAME`` sets that of every `ComputeFlow`.
        check: Whether to check every key.
        weights: File of weights that the model will get; what it asks of its model counts where no option says otherwise.
        pretrained: False is ``model.pretrained=False``.

    Raises:
        ConfigError: The file is missing or broken; an option is malformed or refused.
        CheckpointError: The weights cannot be read.
        WeightsError: ``model`` names published weights that are not here.
    """
    enable_projects()
    if weights is None and is_published_name(model):
        weights = weights_file(model)
    path = resolve(model)
    overrides = options if isinstance(options, Mapping) else parse_options(options or ())
    of_run = run_config_of(path.parent) == path
    origins = trace_origins(None if of_run else path, overrides)
    try:
        config = read_run_config(path) if of_run else Config.fromfile(str(path))
        # What a config imports by itself is imported when a value is asked for.
        for key in config:
            config[key]
    except ImportError as error:
        raise ConfigError(
            f'{path}: an import failed: {error}. Install what is missing or correct the module name.'
        ) from error
    except SalsegError:
        raise
    except Exception as error:
        # A config is code, and raises what it likes.
        raise ConfigError(f'{path} cannot be read: {type(error).__name__}: {error}') from error
    needed = options_of_file(weights, (config.get('model') or {}).get('type')) if weights is not None else {}
    estimator = overrides.get('flow_estimator')
    overrides = {key: value for key, value in overrides.items() if key != 'flow_estimator'}
    try:
        if needed:
            config.merge_from_dict({**needed, 'model_options': list(needed)})
        config.merge_from_dict(dict(overrides))
    except (KeyError, TypeError, IndexError, AssertionError) as error:
        raise ConfigError(f'--cfg-options {", ".join(overrides)} does not fit {path.name}: {error}') from error
    _take_switch(config, pretrained)
    _take_estimator(config, estimator, any(key.startswith('flow_estimator.') for key in overrides))
    if check:
        check_config(config, origins)
    return config


def _take_switch(config: Config, asked: bool) -> None:
    """``model.pretrained`` is no argument of a model: False takes the pretrained weights out of all of its parts."""
    model = config.get('model')
    pretrained = model.pop('pretrained', True) if isinstance(model, dict) else True
    if not isinstance(pretrained, bool):
        raise ConfigError(f'model.pretrained is {pretrained!r}; expected True, or False for a random start.')
    if model is not None and not (asked and pretrained):
        config.model = without_pretrained(model.to_dict() if hasattr(model, 'to_dict') else model)


def _take_estimator(config: Config, given: Any, changed: bool) -> None:
    """``flow_estimator``, a name or a config, is that of every `ComputeFlow`: by option of all, else of those without one."""
    if given is not None:
        # As a whole, not merged into what stands there: another class takes other keys.
        config.flow_estimator = given
    named = config.get('flow_estimator')
    if named is None:
        return
    steps = [step for key in config for step in _flow_steps(config[key])]
    if not steps and (given is not None or changed):
        raise ConfigError(f'flow_estimator={named!r}, but no pipeline of this config has ComputeFlow.')
    for step in steps:
        if given is not None or changed or step.get('estimator') is None:
            step['estimator'] = estimator_config(named)


def _flow_steps(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get('type') == 'ComputeFlow':
            yield node
        node = list(node.values())
    if isinstance(node, list | tuple):
        for value in node:
            yield from _flow_steps(value)


def resolve(model: str) -> Path:
    """Path of the config that a name, file or run's folder stands for.

    Raises:
        ConfigError: A folder without config, or a missing file.
        UnknownName: No model has that name; near ones are listed.
    """
    path = Path(model)
    # A folder that happens to be called like a model must not take its place.
    if is_model_name(model):
        return config_of(model if model in model_cards() else model.partition('@')[0])
    if path.is_dir():
        found = run_config_of(path)
        if found is None:
            files = ', '.join(sorted(file.name for file in path.glob('*.py'))[:3])
            raise ConfigError(
                f'{path} is no folder of a run: it holds no {CONFIG_NAME} that `salseg train` wrote'
                + (f'; {files} in it is code, and code is run only where MODEL names the file itself' if files else '')
                + '. Name a model, a config file (with --checkpoint its weights) or the folder of a run.'
            )
        return found
    if path.suffix == '.py' or '/' in model:
        # As `salseg list --configs` prints it, from any folder.
        path = path if path.is_file() or path.is_absolute() else assets_root() / path
        if not path.is_file():
            raise ConfigError(
                f'the config {model} does not exist. `salseg list --configs` shows those that come with salseg.'
            )
        return path
    return config_of(model)


def parse_options(items: Sequence[str]) -> dict[str, Any]:
    """``key=value`` texts as a dict.

    Dicts (``{'type': 'X'}`` or ``dict(type='X')``), lists and tuples are read as Python writes them; all else as mmengine
    does, also ``[a,b]`` and ``a,b`` without quotes. A text stays as it is, with its blanks and commas, where it stands in
    quotes of its own, where one of its words has a blank inside, and for a key that names a file or folder.

    Raises:
        ConfigError: A text without ``=``, or a dict that cannot be read.
    """
    found: dict[str, Any] = {}
    for item in items:
        key, sign, value = item.partition('=')
        if not sign:
            raise ConfigError(
                f'--cfg-options {item!r} has no "="; write key=value, for example model.losses.lsc.weight=0.'
            )
        found.pop(key, None)  # Given twice, the last counts, also in order.
        found[key] = _value(key, value)
    return found


# Keys of files and folders, whose names may hold anything.
_PATHS = re.compile(r'(.*\.)?(load_from|folder|path|\w+_(root|file|dir|folder|path))')


def _value(key: str, text: str) -> Any:
    if len(text) > 1 and text[0] in '\'"' and text.find(text[0], 1) == len(text) - 1:
        return text[1:-1]
    if _PATHS.fullmatch(key) and text != 'None' and not (text.startswith('[') and text.endswith(']')):
        return text
    if text.startswith(('{', '[', '(', 'dict(')):
        try:
            return _literal(ast.parse(text, mode='eval').body)
        except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
            # Lists may be without quotes, but nothing in a call or a dict.
            if '{' in text or 'dict(' in text or _has_blanks(text):
                raise ConfigError(
                    f'--cfg-options {key}={short(text)} is no value that can be read: {error}.'
                ) from error
    elif _has_blanks(text):
        return text
    try:
        return _loose(text.replace(' ', ''), 0)
    except ValueError as error:
        raise ConfigError(f'--cfg-options {key}={short(text)} is no value that can be read: {error}.') from error


def _has_blanks(text: str) -> bool:
    """Whether one of several words has a blank inside."""
    return any(' ' in word.strip(' ()[]') for word in text.split(','))


# Brackets inside brackets.
_DEEPEST = 20


def _loose(text: str, depth: int) -> Any:
    """A value without quotes, as mmengine reads it: a number, True, False, None, a word, or a list or tuple of such."""
    text = text.strip('\'"')
    tuple_, list_ = text.startswith('(') and text.endswith(')'), text.startswith('[') and text.endswith(']')
    if not (tuple_ or list_ or ',' in text):
        return _scalar(text)
    if depth == _DEEPEST:
        raise ValueError(f'more than {_DEEPEST} brackets inside each other')
    values = [_loose(word, depth + 1) for word in _words(text[1:-1] if tuple_ or list_ else text)]
    return tuple(values) if tuple_ else values


def _words(text: str) -> Iterator[str]:
    """What stands between the commas that are in no brackets; nothing behind the last one."""
    open_, start = 0, 0
    for place, letter in enumerate(text):
        open_ += (letter in '([') - (letter in ')]')
        if open_ < 0:
            break
        if letter == ',' and not open_:
            yield text[start:place]
            start = place + 1
    if open_:
        raise ValueError('a bracket is not closed, or was never opened')
    if text[start:]:
        yield text[start:]


def _scalar(text: str) -> Any:
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return {'true': True, 'false': False}.get(text.lower(), None if text == 'None' else text)


def _literal(node: ast.expr) -> Any:
    """A value of literals and of calls ``dict(key=value)``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict' and not node.args:
        if any(word.arg is None for word in node.keywords):
            raise ValueError('dict(**...) is no value')
        return {word.arg: _literal(word.value) for word in node.keywords}
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {_literal(key): _literal(value) for key, value in zip(node.keys, node.values) if key is not None}
    if isinstance(node, ast.List):
        return [_literal(value) for value in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(_literal(value) for value in node.elts)
    return ast.literal_eval(node)
