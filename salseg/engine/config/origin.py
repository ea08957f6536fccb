"""Which file and line set each value of a config, read from the files' own text."""

import ast
import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from salseg.errors import ConfigError


@dataclass(frozen=True)
class Origin:
    """A place in a config file; line 0 stands for the command line."""

    file: str
    line: int

    def __str__(self) -> str:
        return f'{self.file}:{self.line}' if self.line else self.file


OPTIONS = Origin('--cfg-options', 0)


def trace_origins(path: Path | None, options: Mapping[str, Any] | None = None) -> dict[str, Origin]:
    """Origins by dotted key, bases first, later files over earlier ones, options last.

    Args:
        path: The config file; None for a config that no file of Python holds.
        options: Overrides by dotted key.

    Raises:
        ConfigError: A file is missing or no Python.
    """
    origins: dict[str, Origin] = {}
    for file in inheritance(path) if path is not None else ():
        _read_file(file, origins)
    for key in options or {}:
        _forget(origins, key)
        origins[key] = OPTIONS
    return origins


def find_origin(origins: Mapping[str, Origin], key: str) -> Origin | None:
    """Origin of a key, of what was set below it, or of the nearest key above it that one statement set as a whole."""
    key = re.sub(r'\[(\d+)\]', r'.\1', key)
    below = [name for name in origins if name == key or name.startswith(key + '.')]
    if below:
        return origins[below[0]]
    while key:
        if key in origins:
            return origins[key]
        key = key.rpartition('.')[0]
    return None


def inheritance(path: Path, seen: tuple[Path, ...] = ()) -> list[Path]:
    """The file and its bases, every base before what inherits it.

    Raises:
        ConfigError: A base is missing, or files inherit each other in a circle.
    """
    path = path.resolve()
    if path in seen:
        raise ConfigError('configs inherit each other in a circle: ' + ' -> '.join(p.name for p in (*seen, path)))
    files: list[Path] = []
    for base in _bases(_parse(path), path):
        files += [f for f in inheritance(base, (*seen, path)) if f not in files]
    return [*files, path]


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding='utf-8'), filename=str(path))
    except FileNotFoundError as error:
        raise ConfigError(f'the config {path} does not exist.') from error
    except SyntaxError as error:
        raise ConfigError(f'{path}:{error.lineno or 1} is no valid Python: {error.msg}.') from error
    except (RecursionError, MemoryError) as error:
        # Python's parser says either of an expression of thousands of terms, however much memory there is.
        raise ConfigError(f'{path} holds an expression that is nested too deeply for Python to read.') from error
    except UnicodeDecodeError as error:
        raise ConfigError(f'{path} is no text in UTF-8 ({error}); a config is a Python file.') from error
    except OSError as error:
        raise ConfigError(f'the config {path} cannot be read: {error}.') from error


def _shown(node: ast.expr) -> str:
    with contextlib.suppress(RecursionError):
        text = ast.unparse(node)
        return text if len(text) <= 80 else f'{text[:80]}...'
    return 'an expression of very many terms'


def _bases(tree: ast.Module, path: Path) -> list[Path]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == '_base_':
            try:
                names = ast.literal_eval(node.value)
            except (ValueError, TypeError, RecursionError):
                names = None
            names = [names] if isinstance(names, str) else names
            if not isinstance(names, list | tuple) or not all(isinstance(name, str) and name for name in names):
                raise ConfigError(
                    f'{path}:{node.lineno}: _base_ is {_shown(node.value)}; write the path of a config, or a list of '
                    'paths, as plain text.'
                )
            return [path.parent / name for name in names]
    return []


def _read_file(path: Path, origins: dict[str, Origin]) -> None:
    variables: dict[str, ast.expr] = {}
    for node in _parse(path).body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        name = node.targets[0].id
        if name != '_base_':
            variables[name] = node.value
            _read_value(name, node.value, path, origins, variables)


def _read_value(
    key: str, value: ast.expr, path: Path, origins: dict[str, Origin], variables: Mapping[str, ast.expr]
) -> None:
    entries = _entries(value, variables)
    if entries is None:
        _forget(origins, key)
        origins[key] = Origin(str(path), value.lineno)
        return
    if any(name == '_delete_' for name, _ in entries):
        _forget(origins, key)
    origins.setdefault(key, Origin(str(path), value.lineno))
    for name, item in entries:
        if name != '_delete_':
            _read_value(f'{key}.{name}', item, path, origins, variables)


def _entries(value: ast.expr, variables: Mapping[str, ast.expr]) -> list[tuple[str, ast.expr]] | None:
    """Keys and values of ``dict(...)`` or ``{...}`` or a name that stands for one; None for anything else."""
    if isinstance(value, ast.Name) and value.id in variables:
        return _entries(variables[value.id], variables)
    if isinstance(value, ast.Call) and getattr(value.func, 'id', '') == 'dict' and not value.args:
        return [(k.arg, k.value) for k in value.keywords if k.arg]
    if isinstance(value, ast.Dict):
        found = [(str(k.value), v) for k, v in zip(value.keys, value.values) if isinstance(k, ast.Constant)]
        return found if len(found) == len(value.keys) else None
    return None


def _forget(origins: dict[str, Origin], key: str) -> None:
    for old in [k for k in origins if k == key or k.startswith(key + '.')]:
        del origins[old]
