"""Python processes for tests, started in a moment: forked from a server that has imported the heavy libraries once.

A process that imports torch, torchvision and mmengine by itself spends five seconds on it. Those forked here import salseg
and the projects themselves, from wherever their ``PYTHONPATH`` says, and may be killed as any other process.
"""

import multiprocessing
import os
import runpy
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ['torch', 'torchvision', 'mmengine.runner', 'mmcv', 'cv2', 'numpy', 'PIL.Image', 'scipy.optimize', 'pytest']
OURS = ('salseg', 'projects', 'tests', 'tools', 'benchmarks')


def run_python(
    words: Sequence[str | Path], cwd: Path = ROOT, env: Mapping[str, str] | None = None, processes: int = 0
) -> subprocess.CompletedProcess[str]:
    """As ``subprocess.run([sys.executable, *words], cwd=cwd, env=env, capture_output=True, text=True)``.

    Args:
        words: ``SCRIPT ...``, ``-m MODULE ...`` or ``-c CODE ...``.
        cwd: Folder to run in.
        env: The environment; this process' own by default.
        processes: So many at once, which find each other as under torchrun; the first status that is not 0 counts.
    """
    words = [str(word) for word in words]
    context = multiprocessing.get_context('forkserver')
    # It is started by the first process, with the environment that libraries read when they are loaded.
    context.set_forkserver_preload(HEAVY)
    with tempfile.TemporaryDirectory() as folder:
        out, err = (os.path.join(folder, name) for name in ('out', 'err'))
        for path in (out, err):
            Path(path).touch()
        started = []
        for group in _groups(processes):
            own = {**(os.environ if env is None else env), **group}
            started.append(context.Process(target=_run, args=(words, str(cwd), own, out, err)))
            started[-1].start()
        for process in started:
            process.join()
        printed = [Path(path).read_text(encoding='utf-8', errors='replace') for path in (out, err)]
    status = next((process.exitcode for process in started if process.exitcode), 0)
    return subprocess.CompletedProcess([sys.executable, *words], status, *printed)


def _groups(processes: int) -> list[dict[str, str]]:
    """What a launcher tells each of its processes; nothing to a lone one."""
    if not processes:
        return [{}]
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        shared = dict(WORLD_SIZE=str(processes), MASTER_ADDR='127.0.0.1', MASTER_PORT=str(probe.getsockname()[1]))
    return [{**shared, 'RANK': str(rank), 'LOCAL_RANK': str(rank)} for rank in range(processes)]


def _run(words: list[str], cwd: str, env: dict[str, str], out: str, err: str) -> None:
    for number, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    # This module came from the checkout of the tests; what runs now may come from another one.
    for name in [name for name in sys.modules if name.split('.')[0] in OURS]:
        del sys.modules[name]
    kind = words[0] if words[0] in ('-m', '-c') else 'file'
    first = str(Path(cwd, words[0]).parent) if kind == 'file' else cwd
    given = [os.path.abspath(entry) for entry in env.get('PYTHONPATH', '').split(os.pathsep) if entry]
    sys.path[:] = [first, *given, *(entry for entry in sys.path if not _is_ours(entry))]
    sys.dont_write_bytecode = bool(env.get('PYTHONDONTWRITEBYTECODE'))
    sys.argv = words if kind == 'file' else [kind, *words[2:]]
    try:
        if kind == 'file':
            runpy.run_path(words[0], run_name='__main__')
        elif kind == '-m':
            runpy.run_module(words[1], run_name='__main__', alter_sys=True)
        else:
            exec(compile(words[1], '<string>', 'exec'), {'__name__': '__main__'})
    except SystemExit:
        raise
    except BaseException:  # noqa: BLE001 (as an interpreter does: whatever it was, it is printed)
        traceback.print_exc()
        raise SystemExit(1) from None
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()


def _is_ours(entry: str) -> bool:
    """Whether modules of a checkout are found there; an editable installation has its own finder."""
    return not entry or (Path(entry) / 'salseg').is_dir() or Path(entry).resolve() == Path.cwd().resolve()
