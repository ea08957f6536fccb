"""The config of a training as data: written as JSON beside the checkpoints, read without running anything that it says."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

from salseg.catalog import is_model_name
from salseg.engine.config.check import registered_class
from salseg.errors import ConfigError
from salseg.io.fields import Fields, read_fields, short
from salseg.io.files import write_text
from salseg.paths import are_imports_trusted, is_shipped_module

CONFIG_NAME = 'config.json'
# Counts up when the form changes.
_FORMAT = 1
_TUPLE, _PAIRS = '__tuple__', '__pairs__'
_PLAIN = (str, int, float, bool, type(None))
_SCOPES = ('salseg', 'mmengine')


def write_run_config(config: Config, folder: str | Path) -> Path:
    """Write the resolved config of a run as JSON.

    Raises:
        ConfigError: It holds a value that is no data, as a function.
    """
    content = dict(
        salseg_config=_FORMAT,
        name=Path(config.filename).name if config.filename else 'config.py',
        config=_encoded(config.to_dict(), ''),
    )
    return write_text(Path(folder) / CONFIG_NAME, json.dumps(content, indent=1) + '\n')


def read_run_config(path: str | Path, to_build: bool = True) -> Config:
    """The config of a run, from its JSON file; nothing is run, and what it imports must have come with salseg.

    Args:
        path: The file.
        to_build: Whether something is built from it, so that it imports what it names; without, it is only looked at.

    Returns:
        Its ``filename`` is the name of the config that was trained, in the run's folder; ``work_dir`` is that folder.

    Raises:
        ConfigError: The file is broken or of another version; it imports a foreign module without ``--trust``; it names a
            class that is not registered.
    """
    path = Path(path)
    found = _content(path)
    if found is None:
        raise ConfigError(f'{path} is no config that `salseg train` wrote.')
    version, name = found.number('salseg_config'), found.text('name')
    if not Path(name).name:
        raise ConfigError(f'{path}: name is {name!r}; expected the name of a config file.')
    if version != _FORMAT:
        raise ConfigError(
            f'{path} has the format {version}; this salseg reads {_FORMAT}. Use the version that wrote it.'
        )
    values = _decoded(found.mapping('config'))
    if to_build:
        _import_shipped(path, values.get('custom_imports'))
        _check_names(path, values)
    # A run that was moved stays one folder, and how it was called last is no property of it.
    values |= dict(work_dir=str(path.parent), resume=False)
    return Config(values, cfg_text=path.read_text(encoding='utf-8'), filename=str(path.with_name(Path(name).name)))


def run_config_of(folder: str | Path) -> Path | None:
    """The file with the config of a folder's run; None where the folder is none of a run."""
    path = Path(folder) / CONFIG_NAME
    return path if path.is_file() and _content(path) is not None else None


def is_run_folder(model: str) -> bool:
    """Whether a word names the folder of a training: it holds the config that ``salseg train`` writes there.

    A Python file in it does not count and is never run, and a shipped name wins over a folder of that name.
    """
    return not is_model_name(model) and run_config_of(model) is not None


def _content(path: Path) -> Fields | None:
    """What a run's file holds; None for a file of another program."""
    try:
        values = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError, RecursionError):
        # Either nobody's config, or one that was cut: the name is common.
        return None
    return read_fields(path) if isinstance(values, dict) and 'salseg_config' in values else None


def _encoded(value: Any, place: str) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Mapping):
        if all(isinstance(key, str) for key in value):
            return {key: _encoded(inner, f'{place}.{key}') for key, inner in value.items()}
        return {_PAIRS: [[_encoded(k, place), _encoded(v, f'{place}.{k}')] for k, v in value.items()]}
    if isinstance(value, tuple):
        return {_TUPLE: [_encoded(inner, f'{place}[{i}]') for i, inner in enumerate(value)]}
    if isinstance(value, list):
        return [_encoded(inner, f'{place}[{i}]') for i, inner in enumerate(value)]
    if isinstance(value, type) or callable(value):
        # A class that a config imports stands for its name.
        name = getattr(value, '__name__', '')
        if registered_class(name) is value:
            return name
    raise ConfigError(
        f'the config holds {short(value)} as {place.lstrip(".")}; expected a value that can be written down: a number, a '
        'text, a list, a tuple or a dict. Name a class by its registered name.'
    )


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {_TUPLE} and isinstance(value[_TUPLE], list):
            return tuple(_decoded(inner) for inner in value[_TUPLE])
        if set(value) == {_PAIRS} and isinstance(value[_PAIRS], list):
            return {_decoded(key): _decoded(inner) for key, inner in value[_PAIRS]}
        return {key: _decoded(inner) for key, inner in value.items()}
    return [_decoded(inner) for inner in value] if isinstance(value, list) else value


def _import_shipped(path: Path, imports: Any) -> None:
    named = imports.get('imports') if isinstance(imports, dict) else imports
    modules = [named] if isinstance(named, str) else list(named or ())
    foreign = [str(name) for name in modules if not (isinstance(name, str) and is_shipped_module(name))]
    if foreign and not are_imports_trusted():
        raise ConfigError(
            f'{path} imports {", ".join(foreign)}, which did not come with salseg: importing runs its code. Where you trust '
            'the folder and the module: --trust (in Python: `with salseg.paths.trusted_imports():`).'
        )
    if modules:
        try:
            import_modules_from_strings(modules)
        except ImportError as error:
            raise ConfigError(
                f'{path}: custom_imports failed: {error}. Install what is missing or correct the module name.'
            ) from error


def _check_names(path: Path, values: Mapping[str, Any]) -> None:
    """An unknown name is looked up as a module's by mmengine, which would run it."""
    if values.get('default_scope', 'salseg') not in _SCOPES:
        raise ConfigError(
            f'{path}: default_scope is {short(values["default_scope"])}; expected {" or ".join(_SCOPES)}.'
        )
    for place, name in _names(values, ''):
        known = isinstance(name, str) and re.fullmatch(r'(salseg\.|mmengine\.)?\w+', name)
        # What mmengine fetches to start a part from may be any file.
        if not known or name == 'Pretrained' or registered_class(name.rpartition('.')[2]) is None:
            raise ConfigError(
                f"{path}: {place} is {short(name)}, which no registry has. A run's folder is data: it names registered "
                'classes only. Its module may be missing among custom_imports.'
            )


def _names(node: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            here = f'{place}.{key}' if place else str(key)
            if (key in ('type', 'constructor') and value is not None) or (key == '_scope_' and value not in _SCOPES):
                yield here, value
            else:
                yield from _names(value, here)
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from _names(value, f'{place}[{index}]')
