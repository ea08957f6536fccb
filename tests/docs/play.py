"""Do what a page says, block by block, in the present folder."""

import sys
import traceback
from pathlib import Path
from typing import Any
from unittest import mock

from salseg.engine.config import load_config
from salseg.registry import ALL_REGISTRIES
from tests.docs.commands import run
from tests.docs.downloads import write_downloads
from tests.docs.pages import Block, blocks, commands, reason_to_parse
from tests.docs.sandbox import own_pairs
from tests.processes import run_python

# A page that changes the repository is tried in a copy of it, by a process of its own.
ISOLATED = {'docs/en/add_a_paper.md': 'makes a project, which the catalogue must find'}

# What a page says the reader has: names that its Python blocks find.
GIVEN = {'docs/en/metrics.md': lambda: dict(pairs=own_pairs())}


def play(page: str) -> None:
    """Run all blocks of a page in order; Python blocks share one namespace.

    A block whose first line is ``# name.py`` is written to that file instead; a config among them is checked.
    """
    known = [dict(registry._module_dict) for registry in ALL_REGISTRIES]
    modules, path = set(sys.modules), list(sys.path)
    try:
        write_downloads(page)
        namespace: dict[str, Any] = {'__name__': '__page__', **GIVEN.get(page, dict)()}
        for block in blocks(page):
            if block.file:
                _write(block)
            elif block.language == 'bash':
                for command in commands(block):
                    if reason_to_parse(command) is None:
                        run(command)
            elif block.language == 'python' and not block.mark:
                _execute(block, namespace)
    finally:
        # What a page registered or imported from its folder must not meet the next page.
        sys.path[:] = path
        here = str(Path.cwd())
        for name in set(sys.modules) - modules:
            if str(getattr(sys.modules[name], '__file__', None) or '').startswith(here):
                del sys.modules[name]
        for registry, entries in zip(ALL_REGISTRIES, known):
            for key in set(registry._module_dict) - set(entries):
                if _is_ours(registry._module_dict[key], modules):
                    del registry._module_dict[key]


def play_in_a_copy(page: str, folder: Path) -> None:
    """The same in a copy of the repository, by a process that imports salseg and its projects from there."""
    done = run_python(['-m', 'tests.docs.play', page], folder)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


def _is_ours(value: Any, modules: set[str]) -> bool:
    """Whether a registered class was made by a page: its module is the page, or was imported meanwhile and is gone."""
    return value.__module__ == '__page__' or (value.__module__ not in modules and value.__module__ not in sys.modules)


def _write(block: Block) -> None:
    path = Path(block.file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text, encoding='utf-8')
    if path.suffix == '.py':
        compile(block.text, block.where, 'exec')
    if block.mark is None and '\n_base_ = ' in block.text:
        with mock.patch.object(sys, 'path', [*sys.path, str(Path.cwd())]):
            load_config(str(path))


def _execute(block: Block, namespace: dict[str, Any]) -> None:
    code = compile('\n' * (block.line - 1) + block.text, block.page, 'exec')
    try:
        # As in an interpreter that was started in this folder.
        with mock.patch.object(sys, 'path', [*sys.path, str(Path.cwd())]):
            exec(code, namespace)
    except Exception as error:  # the block is the culprit, whatever it raises
        shown = ''.join(traceback.format_exception(error)[-4:])
        raise AssertionError(f'{block.where}: the Python block failed:\n{shown}') from error


if __name__ == '__main__':
    play(sys.argv[1])
