"""Flow and pseudo-labels computed by two processes; helper of test_shared_precompute.

Usage: shared_precompute.py DATA OUT. Each process notes what it computes in OUT/<rank>.txt.
"""

import os
import sys
from pathlib import Path

import torch

torch.set_num_threads(1)

from salseg.apis import optical_flow
from salseg.engine import pseudo_labels
from salseg.engine.launch import init_processes
from tests.engine.test_pseudo_labels import dataset, generator
from tests.engine.two_processes import launch


def work(data: str, out: str, launcher: str) -> None:
    """Compute both, with a note of every piece of work."""
    notes = Path(out) / f'{os.environ.get("RANK", "0")}.txt'
    notes.parent.mkdir(parents=True, exist_ok=True)
    write_flow, write = optical_flow.write_flow, pseudo_labels.PseudoLabelWriter.write

    def noted_flow(path, flow):
        notes.open('a').write(f'flow {Path(path).parent.name}/{Path(path).name}\n')
        return write_flow(path, flow)

    def noted_label(self, video, frame, grey):
        notes.open('a').write(f'label {video}/{frame}\n')
        return write(self, video, frame, grey)

    optical_flow.write_flow, pseudo_labels.PseudoLabelWriter.write = noted_flow, noted_label
    init_processes(launcher)
    optical_flow.precompute_flow(data, f'{out}/flow', dict(type='FarnebackFlow'))
    pseudo_labels.generate_pseudo_labels(generator(), dataset(Path(data)), f'{out}/labels')


def main(data: str, out: str) -> None:
    """One process, then two."""
    torch.manual_seed(0)
    assert launch(work, data, f'{out}/two', 'pytorch') == [0, 0]
    work(data, f'{out}/one', 'none')


if __name__ == '__main__':
    main(*sys.argv[1:])
