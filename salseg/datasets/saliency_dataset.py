"""Single images with masks or scribbles, in the layouts of the field."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from salseg.datasets.base import Results, SetDataset
from salseg.errors import DataError
from salseg.io.annotations import LABEL_SUFFIXES
from salseg.io.listing import IMAGE_FOLDERS, MASK_FOLDERS, by_key, find_folder
from salseg.io.lists import read_list
from salseg.registry import DATASETS


@DATASETS.register_module()
class SaliencyDataset(SetDataset):
    """Folders of images and annotations, paired by stem; a set is one image.

    Where the folders have sub-folders, as for classes, names are 'class/stem'.

    Args:
        data_root: Folder of the data set.
        image_folder: Sub-folder of the images; by default the first known name that exists.
        label_folder: Sub-folder of the annotations, likewise.
        list_file: Names to use, one per line, relative to ``data_root``; by default all images that have an annotation.
        encoding: Of the annotations: 'binary', 'soft', 'index', 'union' or 'scribble'; None for images without annotations.
        missing: What to do with an image without annotation: 'error' or 'skip' (counted in ``skipped``).
        pipeline, seed, name, pixel_mean, pixel_std: See `SetDataset`; the name is by default the root's.

    Raises:
        DataError: A folder, file or partner is missing, or nothing is left.
    """

    def __init__(
        self,
        data_root: str,
        image_folder: str | None = None,
        label_folder: str | None = None,
        list_file: str | None = None,
        encoding: str | None = 'binary',
        missing: str = 'error',
        pipeline: Sequence[Mapping[str, Any]] = (),
        seed: int = 0,
        name: str = '',
        pixel_mean: Sequence[float] | None = None,
        pixel_std: Sequence[float] | None = None,
    ) -> None:
        root = Path(data_root)
        super().__init__(pipeline, seed, name or root.name, pixel_mean, pixel_std)
        if missing not in ('error', 'skip'):
            raise DataError(f"SaliencyDataset: missing={missing!r}; expected 'error' or 'skip'.")
        self.encoding = encoding
        self.skipped: list[str] = []
        images = by_key(find_folder(root, image_folder, IMAGE_FOLDERS, 'image'))
        labels = {}
        if encoding is not None:
            aliases = ('scribble', 'scribbles') if encoding == 'scribble' else MASK_FOLDERS
            labels = by_key(find_folder(root, label_folder, aliases, 'label'), LABEL_SUFFIXES)
        stems = read_list(root / list_file) if list_file else list(images)
        self.items = self._pair(root / (list_file or ''), stems, images, labels, missing)

    def _pair(
        self, source: Path, stems: list[str], images: dict[str, Path], labels: dict[str, Path], missing: str
    ) -> list[tuple[str, Path, Path | None]]:
        items = []
        for stem in stems:
            if stem not in images:
                raise DataError(f'{source} names {stem!r}, but there is no image of that stem among {len(images)}.')
            if self.encoding is not None and stem not in labels:
                if missing == 'skip':
                    self.skipped.append(stem)
                    continue
                raise DataError(
                    f'{images[stem]} has no annotation of the same stem among {len(labels)} files. Add it, take the image '
                    "off the list, or set missing='skip'."
                )
            items.append((stem, images[stem], labels.get(stem)))
        if not items:
            raise DataError(f'{source}: no image is left ({len(images)} images, {len(labels)} annotations found).')
        return items

    def __len__(self) -> int:
        return len(self.items)

    def ids_together(self, index: int) -> tuple[str, Callable[[], Sequence[Path]]] | None:
        """All annotations, where they are ids."""
        if self.encoding != 'index':
            return None
        return self.name, lambda: [label for _, _, label in self.items if label is not None]

    def describe(self, index: int) -> Results:
        """Paths of one image and its annotation."""
        stem, image, label = self.items[index]
        return dict(
            set_id=stem,
            frame_ids=[stem],
            frame_paths=[str(image)],
            label_paths=[None if label is None else str(label)],
            label_kind=[self.encoding],
        )
