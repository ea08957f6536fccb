"""Groups of images that share an object, in the layouts of the co-saliency sets."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from salseg.datasets.base import Results, SetDataset
from salseg.errors import DataError
from salseg.io.annotations import LABEL_SUFFIXES
from salseg.io.listing import IMAGE_FOLDERS, MASK_FOLDERS, by_stem, find_folder, folders_in
from salseg.registry import DATASETS

Item = tuple[str, Path, Path | None]


@DATASETS.register_module()
class GroupDataset(SetDataset):
    """A folder per group; an item is a whole group, its frames in the order of their names.

    Two layouts: 'parallel', ``<images>/<group>/<stem>.*`` beside ``<labels>/<group>/<stem>.*``, as CoCA, CoSOD3k,
    Cosal2015, iCoseg and the COCO training sets have it; 'nested', ``<group>/<stem>.*`` with the masks in
    ``<group>/GroundTruth/``, as co-segmentation copies of MSRC have it. Stems may occur in several groups.

    Args:
        data_root: Folder of the data set.
        image_folder: Sub-folder of the groups of images; by default the first known name that exists. 'parallel'
            only.
        label_folder: Sub-folder of the groups of masks, likewise; of each group for 'nested'.
        groups: Groups to use, in that order; by default all, sorted by name.
        layout: 'parallel' or 'nested'.
        encoding: Of the masks: 'binary', 'soft' or 'index'; None for images without masks.
        missing: An image without mask: 'error' or 'skip' (counted in ``skipped``).
        pipeline, seed, name, pixel_mean, pixel_std: See `SetDataset`; the name is by default the root's.

    Raises:
        DataError: A folder or partner is missing, or a group has no image.
    """

    input_type = 'group'

    def __init__(
        self,
        data_root: str,
        image_folder: str | None = None,
        label_folder: str | None = None,
        groups: Sequence[str] | None = None,
        layout: Literal['parallel', 'nested'] = 'parallel',
        encoding: str | None = 'binary',
        missing: Literal['error', 'skip'] = 'error',
        pipeline: Sequence[Mapping[str, Any]] = (),
        seed: int = 0,
        name: str = '',
        pixel_mean: Sequence[float] | None = None,
        pixel_std: Sequence[float] | None = None,
    ) -> None:
        root = Path(data_root)
        super().__init__(pipeline, seed, name or root.name, pixel_mean, pixel_std)
        if layout not in ('parallel', 'nested') or missing not in ('error', 'skip'):
            raise DataError(
                f"GroupDataset: layout={layout!r} is 'parallel' or 'nested', missing={missing!r} 'error' or 'skip'."
            )
        self.encoding = encoding
        self.missing = missing
        self.skipped: list[str] = []
        nested = layout == 'nested'
        images = root if nested else find_folder(root, image_folder, IMAGE_FOLDERS, 'image')
        labels = None if nested or encoding is None else find_folder(root, label_folder, MASK_FOLDERS, 'label')
        names = list(groups) if groups is not None else group_names(images)
        self.groups: list[tuple[str, list[Item]]] = []
        for group in names:
            masks = self._mask_folder(images / group, labels, label_folder, group)
            self.groups.append((group, self._pair(group, images / group, masks)))

    def _mask_folder(self, images: Path, labels: Path | None, given: str | None, group: str) -> Path | None:
        if self.encoding is None:
            return None
        return labels / group if labels is not None else find_folder(images, given, MASK_FOLDERS, 'label')

    def _pair(self, group: str, images: Path, masks: Path | None) -> list[Item]:
        found = {} if masks is None else by_stem(masks, LABEL_SUFFIXES)
        items: list[Item] = []
        for stem, image in by_stem(images).items():
            if masks is not None and stem not in found:
                if self.missing == 'error':
                    raise DataError(
                        f'{image} has no mask of the same stem among the {len(found)} of {masks}. Add it, move the '
                        "image away, or set missing='skip'."
                    )
                self.skipped.append(f'{group}/{stem}')
                continue
            items.append((stem, image, found.get(stem)))
        if not items:
            what = 'image' if masks is None else 'image with a mask'
            raise DataError(f'the group {group!r} of {self.name} has no {what}: {images}.')
        return items

    def __len__(self) -> int:
        return len(self.groups)

    def ids_together(self, index: int) -> tuple[str, Callable[[], Sequence[Path]]] | None:
        """All annotations, where they are ids."""
        if self.encoding != 'index':
            return None
        return self.name, lambda: [label for _, items in self.groups for _, _, label in items if label is not None]

    def describe(self, index: int) -> Results:
        """Paths of one group."""
        group, items = self.groups[index]
        return dict(
            set_id=group,
            frame_ids=[stem for stem, _, _ in items],
            frame_paths=[str(image) for _, image, _ in items],
            label_paths=[None if label is None else str(label) for _, _, label in items],
            label_kind=[self.encoding] * len(items),
        )


def group_names(folder: Path) -> list[str]:
    """Names of the groups below a folder, in natural order.

    Raises:
        DataError: There are none.
    """
    names = [path.name for path in folders_in(folder)]
    if not names:
        raise DataError(f'{folder} holds no folder of a group; expected one folder per group with images in it.')
    return names
