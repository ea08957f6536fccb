"""Try one command of the documentation: run it at a tiny overlay, or parse it where a test cannot run it."""

import contextlib
import glob
import io
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest import mock

from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer

from salseg.apis.converting import find_converter
from salseg.apis.stages import find_chain
from salseg.catalog import find_published, is_published_name, model_cards, project_stages
from salseg.cli.convert import parse as parse_conversion
from salseg.cli.main import COMMANDS, build_parser, main
from salseg.cli.predict import DEMO, is_input
from salseg.engine.config import load_config
from salseg.engine.published import key_map
from salseg.paths import trusted_imports
from tests.docs.pages import ROOT, Command
from tests.docs.shrinking import chain_options, shrink

# Tools of the shell that a page may use; they run in the sandbox as they stand.
SHELL = ('cat', 'cp', 'echo', 'find', 'head', 'ls', 'mkdir', 'mv', 'sed', 'tail', 'touch', 'unzip')


def parse(command: Command) -> None:
    """Check what can be checked of a command without running it: files, names, arguments, configs."""
    words = _plain(command.words)
    joined = ' '.join(words)
    scripts = [word for word in words if re.match(r'^(tools|benchmarks|tests)/[\w/.-]+$', word)]
    for script in scripts:
        assert (ROOT / script).exists(), f'{command.where}: {script} is not there'
    if words[0] == 'make':
        targets = re.findall(r'^(\w+):', (ROOT / 'Makefile').read_text(), flags=re.MULTILINE)
        missing = [word for word in words[1:] if '=' not in word and word not in targets]
        assert not missing, f'{command.where}: the Makefile has no target {missing}'
    elif words[0] == 'salseg':
        _parse_salseg(command.where, words[1:])
    elif 'convert_official.py' in joined:
        _parse_converter(command.where, words)
    elif scripts and re.search(r'tools/(dist_|slurm_)?(train|test)\.', scripts[0]):
        _parse_salseg(command.where, _behind_launcher(words, scripts[0]))


def _behind_launcher(words: Sequence[str], script: str) -> list[str]:
    """Arguments of salseg in a command that starts several processes."""
    arguments = list(words[words.index(script) + 1 :])
    name = 'train' if 'train' in script else 'test'
    own = 1 if name == 'train' else 2
    if '/slurm_' in script:
        arguments = arguments[2:]
    elif '/dist_' in script:
        assert arguments[own].isdigit(), f'{script}: argument {own + 1} must be a number of processes: {arguments[own]}'
        del arguments[own]
    return [name, *arguments]


def _parse_salseg(where: str, arguments: Sequence[str]) -> None:
    args = _arguments(where, arguments)
    model = _model(args)
    if args is not None:
        for word in _names_of_weights(args):
            find_published(word)
    if isinstance(model, list):
        # The page takes several, and reads them when they are used.
        return
    if model is not None and is_published_name(model):
        # Its weights are not here.
        model = model.partition('@')[0]
    if model is not None and not model.startswith('work_dirs/'):
        load_config(model, getattr(args, 'cfg_options', None))


def _names_of_weights(args) -> Iterator[str]:
    """Published weights that a command names, wherever."""
    for value in vars(args).values():
        for word in value if isinstance(value, list) else [value]:
            name = word.partition('=')[2] or word if isinstance(word, str) else ''
            if is_published_name(name):
                yield name


def _parse_converter(where: str, words: Sequence[str]) -> None:
    script = next(word for word in words if word.endswith('convert_official.py'))
    arguments = words[words.index(script) + 1 :]
    assert len(arguments) == 3, f'{where}: convert_official.py takes SYSTEM SOURCE TARGET, got {arguments}'
    runpy.run_path(str(ROOT / script), run_name='docs')
    module = key_map(arguments[0])
    assert callable(getattr(module, 'convert', None)), f'{where}: {module.__name__} has no convert(state)'


def run(command: Command) -> str:
    """Run a command in the present folder; what it printed.

    Fails with what to do when nobody has said how a command of this kind is run.
    """
    words = _plain(command.words)
    with _environment(command.variables):
        if words[0] == 'salseg':
            return _run_salseg(command.where, list(words[1:]))
        if words[:2] == ('python', '-c'):
            return _quietly(lambda: exec(_fewer_items(words[2]), {'__name__': '__main__'}))
        if words[0] == 'python' and words[1].endswith('.py'):
            return _run_script(command.where, words[1], list(words[2:]))
        if words[0] in SHELL:
            done = subprocess.run(_expanded(words), capture_output=True, text=True, check=False)
            assert done.returncode == 0, f'{command.where}: {command}\n{done.stdout}{done.stderr}'
            return done.stdout
    raise AssertionError(
        f'{command.where}: nobody has said how {words[0]!r} is tried. Known are salseg, python FILE.py, python -c, '
        f'{", ".join(SHELL)}. What a test cannot run gets <!-- parsed only: REASON --> above its block (reasons: '
        'tests/docs/pages.py), or its kind a line in NOT_RUN there.'
    )


def _fewer_items(code: str) -> str:
    """A command that draws a data set draws two items of each split."""
    splits = re.search(r'write_dataset\(.*splits=dict\(([^)]*)\)', code)
    return code.replace(splits[1], re.sub(r'=\d+', '=2', splits[1])) if splits else code


def _expanded(words: Sequence[str]) -> list[str]:
    """Patterns replaced by the files that they match, as a shell does."""
    return [match for word in words for match in (sorted(glob.glob(word)) or [word])]


def _plain(words: Sequence[str]) -> tuple[str, ...]:
    """One spelling for ``.venv/bin/salseg``, ``python -m salseg`` and ``python tools/train.py``."""
    words = (words[0].removeprefix('.venv/bin/').replace('python3', 'python'), *words[1:])
    if words[:3] == ('python', '-m', 'salseg'):
        return ('salseg', *words[3:])
    for name in ('train', 'test', 'predict'):
        if words[:2] == ('python', f'tools/{name}.py'):
            return ('salseg', name, *words[2:])
    return words


def _arguments(where: str, arguments: Sequence[str]):
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            args = build_parser().parse_args(list(arguments))
            if args.command == 'convert' and args.name is not None:
                parse_conversion(find_converter(args.name), args.rest)
            return args
    except SystemExit as stop:
        if stop.code in (0, None):
            return None
        raise AssertionError(
            f'{where}: salseg {" ".join(arguments)}\n{errors.getvalue()}\n(commands: {", ".join(COMMANDS)})'
        ) from None


def _run_salseg(where: str, arguments: list[str]) -> str:
    args = _arguments(where, arguments)
    if args is None or args.command is None:
        return ''
    # A command is a process of its own: it sees what the one before has written.
    model_cards.cache_clear()
    project_stages.cache_clear()
    ready = _with_overlay(args, arguments)
    status, text = 0, io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        status = main(ready)
    _forget_run()
    if args.command == 'train' and status == 0 and args.stages is None:
        _name_as_a_full_run_would(args)
    shown = text.getvalue()
    assert status == 0, f'{where}: salseg {" ".join(ready)}\nended with {status}:\n{shown[-3000:]}'
    return shown


def _model(args) -> str | None:
    """The model that a command names; flow is computed without one, of a data set, and the demo predicts unnamed."""
    named = None if getattr(args, 'what', None) == 'flow' else getattr(args, 'model', None)
    return DEMO if args.command == 'predict' and named is not None and is_input(named) else named


def _with_overlay(args, arguments: list[str]) -> list[str]:
    """The arguments with the overrides that make the run tiny."""
    if getattr(args, 'processes', '') is None:
        arguments = [*arguments, '--processes', '1']
    model = _model(args)
    if model is None or not hasattr(args, 'cfg_options'):
        return arguments
    if getattr(args, 'stages', None) is not None:
        options = chain_options(find_chain(model, args.stages)[2])
    else:
        with trusted_imports(getattr(args, 'trust', False)):
            options = shrink(load_config(model, args.cfg_options))
    if '--cfg-options' in arguments:
        place = arguments.index('--cfg-options') + 1 + len(args.cfg_options)
        return [*arguments[:place], *options, *arguments[place:]]
    return [*arguments, '--cfg-options', *options]


def _name_as_a_full_run_would(args) -> None:
    """The checkpoint of the one step also gets the name of the last one of the whole training."""
    config = load_config(args.model, args.cfg_options)
    folder = Path(args.work_dir or f'work_dirs/{Path(args.model).stem}')
    last = folder / f'iter_{config.train_cfg.get("max_iters")}.pth'
    if config.train_cfg.get('max_iters') and not last.exists():
        last.symlink_to(folder.absolute() / 'iter_1.pth')


def _run_script(where: str, script: str, arguments: list[str]) -> str:
    assert Path(script).is_file(), f'{where}: {script} is not there'

    def execute() -> None:
        with mock.patch.object(sys, 'argv', [script, *arguments]):
            status = None
            try:
                runpy.run_path(script, run_name='__main__')
            except SystemExit as stop:
                status = stop.code
            assert status in (0, None), f'{where}: python {script} ended with {status}'

    return _quietly(execute)


def _quietly(function: Callable[[], object]) -> str:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        function()
    return text.getvalue()


@contextlib.contextmanager
def _environment(variables: Sequence[str]) -> Iterator[None]:
    given = dict(text.split('=', 1) for text in variables)
    # As for the installed script: the present folder is searched only if PYTHONPATH says so.
    searched = [*sys.path, os.getcwd()] if given.get('PYTHONPATH') == '.' else sys.path
    with mock.patch.dict(os.environ, given), mock.patch.object(sys, 'path', searched):
        yield


def _forget_run() -> None:
    """Loggers and message hubs are named by folder and second: the next run of a page must not find them."""
    for kind in (MMLogger, MessageHub, Visualizer, DefaultScope):
        kind._instance_dict.clear()
