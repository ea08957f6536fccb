"""A loss, a matcher and a measure in plain PyTorch: the page's own example, in a process that never sees a runner."""

import subprocess
import sys

from tests.docs.pages import blocks
from tests.needs import ROOT

PAGE = 'docs/en/use_a_piece.md'
CHECK = """
import sys
foreign = [name for name in sys.modules if name.startswith(('mmengine.runner', 'mmengine.hooks', 'projects'))]
assert not foreign, foreign
"""


def test_ten_lines_of_plain_pytorch_train_with_pieces():
    (block,) = [block for block in blocks(PAGE) if block.language == 'python']
    done = subprocess.run(
        [sys.executable, '-c', block.text + CHECK], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loss, gradient, error = map(float, done.stdout.split())
    assert 0 < loss < 10
    assert gradient > 0
    assert 0 < error < 1
    body = block.text.split('\n\n')[1]
    assert len(body.strip().splitlines()) <= 10
