"""Where generated annotations come from: a small file beside them."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from salseg.errors import DataError

FILE_NAME = 'provenance.json'


@dataclass
class Provenance:
    """How a folder of pseudo-labels was made.

    Attributes:
        model: What made them: name or config, its weights' fingerprint, salseg's version, settings.
        source: The data set: root, intervals, spacing.
        encoding: Of kept truth; everything else is soft.
        kept: By video, the frames whose annotation is a copy of the truth.
        made: By video, the frames that were labelled by the model. A video is listed when it is complete.
    """

    model: dict[str, Any]
    source: dict[str, Any]
    encoding: str
    kept: dict[str, list[str]] = field(default_factory=dict)
    made: dict[str, list[str]] = field(default_factory=dict)

    def text(self) -> str:
        """The file's content."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + '\n'


def read_provenance(folder: Path) -> Provenance | None:
    """Provenance of a folder; None where there is none.

    Raises:
        DataError: The file is broken.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        return None
    try:
        return Provenance(**json.loads(path.read_text(encoding='utf-8')))
    except (ValueError, TypeError) as error:
        raise DataError(f'{path} is no provenance file of salseg: {error}. Generate the labels again.') from error
