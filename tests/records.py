"""What tests ask of a run's record."""

import json
from pathlib import Path


def timeless(folder):
    """The record of a folder but for when it was made."""
    values = json.loads((Path(folder) / 'run.json').read_text())
    assert values.pop('since') > 0
    return values
