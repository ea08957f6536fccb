"""Images and annotations named in pairs by a list file: no folder is read, so that a million of them start at once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from salseg.datasets.base import Results, SetDataset
from salseg.errors import DataError
from salseg.io.lists import LazyList
from salseg.registry import DATASETS


@DATASETS.register_module()
class ListedDataset(SetDataset):
    """A line per image, ``image<TAB>annotation``; a set is one image.

    Paths are relative to the data root. Without annotations a line is the image alone. Between two names without spaces
    a space does as well as a tab. Files are looked for when they are needed.

    Args:
        data_root: Folder that paths are relative to.
        list_file: The list, relative to ``data_root``.
        encoding: Of the annotations: 'binary', 'soft', 'index', 'union' or 'scribble'; None for images without.
        pipeline, seed, name, pixel_mean, pixel_std: See `SetDataset`; the name is by default the root's.

    Raises:
        DataError: The list is missing or empty, or its first line has another number of names.
    """

    def __init__(
        self,
        data_root: str,
        list_file: str,
        encoding: str | None = 'binary',
        pipeline: Sequence[Mapping[str, Any]] = (),
        seed: int = 0,
        name: str = '',
        pixel_mean: Sequence[float] | None = None,
        pixel_std: Sequence[float] | None = None,
    ) -> None:
        self.root = Path(data_root)
        super().__init__(pipeline, seed, name or self.root.name, pixel_mean, pixel_std)
        self.encoding = encoding
        self.lines = LazyList(self.root / list_file)
        self._names(0)

    def __len__(self) -> int:
        return len(self.lines)

    def _names(self, index: int) -> tuple[str, str | None]:
        line = self.lines[index].strip()
        names = line.split('\t') if '\t' in line or self.encoding is None else line.split()
        if len(names) != (1 if self.encoding is None else 2):
            raise DataError(
                f'{self.lines.path}: line {index + 1} is {line!r}; expected '
                + ('one image' if self.encoding is None else 'image, tab, annotation')
                + '. Names that hold spaces need the tab.'
            )
        return names[0].strip(), None if self.encoding is None else names[1].strip()

    def describe(self, index: int) -> Results:
        """Paths of one image and its annotation."""
        image, label = self._names(index)
        stem = str(Path(image).with_suffix(''))
        return dict(
            set_id=stem,
            frame_ids=[stem],
            frame_paths=[str(self.root / image)],
            label_paths=[None if label is None else str(self.root / label)],
            label_kind=[self.encoding],
        )
