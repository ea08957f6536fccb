"""The fuzz script for some seconds; how it counts crashes, hangs and foreign errors."""

import os
import time

import pytest

from salseg.errors import DataError
from tests.benchmarks.fuzz_readers import READERS, Reader
from tests.needs import ROOT
from tests.processes import run_python
from tests.scripts import load_script

SCRIPT = ROOT / 'benchmarks/reliability/fuzz.py'
# Of each reader: the same ones every time; together with the start half a minute.
INPUTS = 150


def test_only_errors_of_ours_leave_a_reader():
    done = run_python([SCRIPT, '--inputs', str(INPUTS)], env={**os.environ, 'PYTHONPATH': str(ROOT)})
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split(' | ') for line in done.stdout.splitlines()[2:]]
    assert [row[0].strip('| ') for row in rows] == [reader.name for reader in READERS]
    for row in rows:
        assert int(row[1]) > 5, row
        assert row[-1] == '0 |'


@pytest.fixture()
def script(monkeypatch):
    module = load_script(SCRIPT)
    monkeypatch.setattr(module, 'PATIENCE', 0.1)
    return module


def bad(path):
    """Does by the first byte what no reader may do."""
    kind = path.read_bytes()[:1]
    if kind == b'c':
        import os

        os.abort()
    if kind == b'h':
        while time.process_time() >= 0:
            pass
    if kind == b'k':
        raise KeyError('foreign')
    if kind == b'r':
        raise DataError('refused')


def test_crashes_hangs_and_foreign_errors_are_counted(script, tmp_path):
    kinds = ['crash', 'hang', 'key', 'refused', 'ok']
    reader = Reader(
        'bad',
        lambda folder: [('.x', b'')],
        lambda draw, suffix, data: draw.choice(kinds).encode(),
        lambda data: data[0],
        bad,
    )
    # Only those of the structured kind: the others are of no bytes.
    found = script.fuzz(reader, reader.make(tmp_path), 60, None, 0, tmp_path)
    wanted = [script.make(reader, [('.x', b'')], 0, number)[1].decode() for number in range(60)]
    counts = {kind: wanted.count(kind) for kind in kinds}
    assert min(counts.values()) > 0
    assert found.escapes == {
        'hang': counts['hang'],
        'ended by -6': counts['crash'],
        "KeyError at : 'foreign'": counts['key'],
    }
    assert found.counts['refused'] == counts['refused']
    assert found.counts['escaped'] == counts['hang'] + counts['crash'] + counts['key']
    assert found.counts['inputs'] == 60
    assert found.counts['structured'] == 30
