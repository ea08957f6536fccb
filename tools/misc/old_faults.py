"""Put ten faults of the past back, one at a time, and see that a test catches each.

    python tools/misc/old_faults.py [--only TEXT]

Works on a copy of the tracked files. Ends with status 1 if a fault is not caught, or no longer fits the code.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Fault:
    """A change that brings a fault back.

    Attributes:
        what: Happened then.
        file: Changed file.
        now: Text of today.
        then: Text with the fault.
        test: Catches it.
    """

    what: str
    file: str
    now: str
    then: str
    test: str


FAULTS = (
    Fault(
        'object ids read as a mask are black',
        'salseg/io/annotations.py',
        '    if highest > 1:\n        raise _holds_ids(values)\n    return _eight_bits(values, scale=1)',
        '    return _eight_bits(values, scale=255)',
        'tests/io/test_annotations.py',
    ),
    Fault(
        'frame 10 comes before frame 2',
        'salseg/io/listing.py',
        "parts = re.split(r'(\\d+)', name)",
        'parts = [name]',
        'tests/io/test_listing.py',
    ),
    Fault(
        'a video of odd sides loses a line',
        'salseg/io/video_writing.py',
        "return np.pad(frame, ((0, odd[0]), (0, odd[1]), (0, 0)), mode='edge') if any(odd) else frame",
        'return frame[: frame.shape[0] - odd[0], : frame.shape[1] - odd[1]]',
        'tests/io/test_video_writing.py',
    ),
    Fault(
        'saliency coherence forgets the neighbours outside the image',
        'salseg/ops/local_saliency_coherence.py',
        'return total * outside',
        'return total * outside * 0',
        'tests/ops/test_local_saliency_coherence.py',
    ),
    Fault(
        'a resumed run sees its first batches again',
        'salseg/datasets/sampling/samplers.py',
        'number = self.start\n',
        'number = 0\n',
        'tests/datasets/test_samplers.py',
    ),
    Fault(
        'a checkpoint can run code',
        'salseg/engine/checkpoint.py',
        'weights_only=True)',
        'weights_only=False)',
        'tests/engine/test_checkpoint.py',
    ),
    Fault(
        'a memory with fewer than k entries ends the run',
        'salseg/ops/matching.py',
        'largest_columns(similarity.detach(), min(k, similarity.shape[1]))',
        'largest_columns(similarity.detach(), k)',
        'tests/ops/test_top_k_readout.py',
    ),
    Fault(
        'the first and the last frame of a DAVIS video count',
        'salseg/evaluation/protocols/masks.py',
        'return semi_supervised(truth, prediction, skip_first_last=self.skip_first_last)',
        'return semi_supervised(truth, prediction, skip_first_last=False)',
        'tests/evaluation/test_evaluate.py',
    ),
    Fault(
        'waiting threads keep busy cores busier',
        'salseg/__init__.py',
        "os.environ['OMP_WAIT_POLICY'] = 'PASSIVE'",
        'pass',
        'tests/test_wait_policy.py',
    ),
    Fault(
        'prototypes of a later object take the values of other keys',
        'projects/xmem/memory.py',
        '(_released_rows if memory.rules.released else _aligned_rows)(memory, group, old)',
        '_released_rows(memory, group, old)',
        'tests/projects/xmem/test_memory.py',
    ),
)


def main(argv: list[str] | None = None) -> int:
    """Print a line for each fault; status 1 if one gets through."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--only', default='', metavar='TEXT', help='faults whose description holds this')
    wanted = parser.parse_args(argv).only
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(Path(folder))
        for fault in FAULTS:
            if wanted in fault.what:
                verdict = tried(fault, copy)
                print(f'{verdict:12} {fault.what} ({fault.test})', flush=True)
                missed += verdict != 'caught'
    return 1 if missed else 0


def copied(folder: Path) -> Path:
    """The tracked files of this checkout, as they are now."""
    names = subprocess.run(['git', 'ls-files', '-z'], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split('\0')):
        if (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    return folder


def tried(fault: Fault, copy: Path) -> str:
    """'caught', 'NOT CAUGHT', or 'DOES NOT FIT' where the code has changed."""
    path = copy / fault.file
    text = path.read_text(encoding='utf-8')
    if text.count(fault.now) != 1:
        return 'DOES NOT FIT'
    path.write_text(text.replace(fault.now, fault.then), encoding='utf-8')
    try:
        command = [sys.executable, '-m', 'pytest', '-q', '-x', '-p', 'no:cacheprovider', fault.test]
        environment = {**os.environ, 'PYTHONPATH': str(copy)}
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    finally:
        path.write_text(text, encoding='utf-8')
    # 1 says that tests failed; anything else that they could not be run.
    return {0: 'NOT CAUGHT', 1: 'caught'}.get(done.returncode, f'STATUS {done.returncode}')


if __name__ == '__main__':
    sys.exit(main())
